import { accountForm, csrfField } from '../shared/csrf-field'
import { renderDocument } from '../shared/document'
import { errorContent } from '../shared/error-pages'
import { type Html, html } from '../shared/html'

const brand = html`<a class="brand" href="/"
  ><img src="/icon.svg" alt="" width="32" height="32" /><span
    >holdfast <span class="brand-detail">passport</span></span
  ></a
>`

/** Why a sign-in failed, by the strategy that was tried. */
const problems = new Map<unknown, string>([
  ['local', 'That did not match.'],
  ['provider', 'Harbour ID did not sign you in.'],
])

/** @param failed The strategy that failed, as the address of the page says. */
export function signInPage(
  csrfToken: string,
  demo: { readonly name: string; readonly password: string },
  failed: unknown,
): string {
  const problem = problems.get(failed)
  const isWrong = failed === 'local'
  return page(
    problem !== undefined ? 'Not signed in' : 'Sign in',
    html`<div class="card stack passport-card">
      <h1>Sign in</h1>
      ${problem !== undefined && html`<p class="message message-problem" id="problem" role="alert">${problem}</p>`}
      <p class="muted" id="hint">
        As <code>${demo.name}</code> with <code>${demo.password}</code>, here and in a second browser.
      </p>
      <form class="stack" method="post" action="/sign-in">
        ${csrfField(csrfToken)} ${field('name', 'Name', 'text', 'username', isWrong)}
        ${field('password', 'Password', 'password', 'current-password', isWrong)}
        <button class="button">Sign in</button>
      </form>
      <p class="muted">or</p>
      <a class="button button-quiet passport-provider" href="/sign-in/provider">Sign in with Harbour ID</a>
    </div>`,
  )
}

export interface Device {
  readonly ip: string
  readonly device?: { readonly name?: string } | undefined
  readonly createdAt: number
}

export function devicesPage(csrfToken: string, name: string, devices: ReadonlyMap<string, Device>): string {
  return page(
    'Your devices',
    html`<div class="stack">
      <h1>Your devices, ${name}</h1>
      <ul class="card passport-devices">
        ${[...devices].map(([handle, device]) => listItem(csrfToken, handle, device))}
      </ul>
      <form method="post" action="/sign-out-everywhere">
        ${csrfField(csrfToken)}<button class="button button-danger">Sign out everywhere</button>
      </form>
    </div>`,
    accountForm(name, csrfToken),
  )
}

function listItem(csrfToken: string, handle: string, { ip, device, createdAt }: Device): Html {
  const name = device?.name ?? 'Unknown browser'
  return html`<li>
    <div>
      <h2>${name}</h2>
      <p class="muted">Since ${instant(createdAt)}, from ${ip}</p>
    </div>
    <form method="post" action="/devices/${encodeURIComponent(handle)}/sign-out">
      ${csrfField(csrfToken)}
      <button class="button button-quiet">Sign out<span class="visually-hidden"> ${name}</span></button>
    </form>
  </li>`
}

export function errorPage(title: string, advice: string): string {
  return page(title, errorContent(title, advice, 'Back to the page'))
}

function page(title: string, main: Html, account?: Html): string {
  return renderDocument({
    title: `${title} · holdfast passport`,
    styles: ['/passport.css'],
    header: html`${brand}${account}`,
    main,
    footer: html`The line that was changed is in <code>examples/passport/app.ts</code>.`,
  })
}

function field(name: string, label: string, type: string, autocomplete: string, failed: boolean): Html {
  const marks = failed ? html`aria-invalid="true" aria-describedby="problem hint"` : html`aria-describedby="hint"`
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required ${marks} />
  </div>`
}

function instant(seconds: number): Html {
  const iso = new Date(seconds * 1000).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ', ')} UTC</time>`
}
