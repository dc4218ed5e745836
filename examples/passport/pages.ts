import { renderDocument } from '../shared/document'
import { type Html, html } from '../shared/html'

const brand = html`<a class="brand" href="/"
  ><img src="/icon.svg" alt="" width="32" height="32" /><span
    >holdfast <span class="brand-detail">passport</span></span
  ></a
>`

export function signInPage(
  csrfToken: string,
  demo: { readonly name: string; readonly password: string },
  failed: boolean,
): string {
  return page(
    'Sign in',
    html`<form class="card stack" method="post" action="/sign-in">
      <h1>Sign in</h1>
      ${failed && html`<p class="message message-problem" id="problem" role="alert">That did not match.</p>`}
      <p class="muted">
        As <code>${demo.name}</code> with <code>${demo.password}</code>, here and in a second browser.
      </p>
      ${token(csrfToken)} ${field('name', 'Name', 'text', 'username', failed)}
      ${field('password', 'Password', 'password', 'current-password', failed)}
      <button class="button">Sign in</button>
    </form>`,
  )
}

export interface Device {
  readonly ip: string
  readonly createdAt: number
}

export function devicesPage(csrfToken: string, name: string, devices: ReadonlyMap<string, Device>): string {
  return page(
    'Your devices',
    html`<section class="card stack">
      <h1>Your devices, ${name}</h1>
      ${[...devices].map(
        ([handle, { ip, createdAt }]) =>
          html`<form class="stack" method="post" action="/devices/${encodeURIComponent(handle)}/sign-out">
            ${token(csrfToken)}
            <p>Signed in at ${new Date(createdAt * 1000).toISOString().slice(0, 19)} UTC from ${ip}</p>
            <button class="button button-quiet">Sign out <code>${handle.slice(0, 4)}</code></button>
          </form>`,
      )}
    </section>`,
    html`<form class="account" method="post" action="/sign-out">
      ${token(csrfToken)}<button class="button button-quiet">Sign out</button>
    </form>`,
  )
}

export function errorPage(title: string, advice: string): string {
  return page(
    title,
    html`<h1>${title}</h1>
      <p>${advice}</p>
      <p><a href="/">Back to the page</a></p>`,
  )
}

function page(title: string, main: Html, account?: Html): string {
  return renderDocument({ title, styles: [], header: html`${brand}${account}`, main })
}

function field(name: string, label: string, type: string, autocomplete: string, failed: boolean): Html {
  const marks = failed && html`aria-invalid="true" aria-describedby="problem"`
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required ${marks} />
  </div>`
}

function token(csrfToken: string): Html {
  return html`<input type="hidden" name="csrfToken" value="${csrfToken}" />`
}
