import { accountForm, csrfField } from '../shared/csrf-field'
import { renderDocument } from '../shared/document'
import { errorContent } from '../shared/error-pages'
import { type Html, html } from '../shared/html'

/** Why a sign-in failed, and what the person typed. */
export interface SignInProblem {
  readonly field: 'name' | 'password'
  readonly text: string
  readonly typedName: string
}

export interface HomeParts {
  readonly name: string | undefined
  readonly count: number
  readonly notice: string | undefined
  readonly problem: SignInProblem | undefined
  readonly handle: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly csrfToken: string
  readonly demoPassword: string
}

export interface AccountParts {
  readonly name: string
  readonly createdAt: number
  readonly csrfToken: string
}

const brand = html`<a class="brand" href="/"
  ><img src="/icon.svg" alt="" width="32" height="32" />
  <span>holdfast <span class="brand-detail">quick start</span></span></a
>`

export function homePage(parts: HomeParts): string {
  const { name, notice } = parts
  return document({
    title: name === undefined ? 'holdfast quick start' : `${name} · holdfast quick start`,
    header: html`${brand}${name === undefined ? undefined : accountForm(name, parts.csrfToken)}`,
    main: html`
      ${notice === undefined ? undefined : html`<p class="message" role="status">${notice}</p>`}
      <div class="intro">
        <h1>${name === undefined ? 'Hello, whoever you are' : `Hello, ${name}`}</h1>
        <p class="muted">
          ${name === undefined ? 'You have a session already. Count something, then sign in: the count stays yours.' : 'Open this page in a second browser: it has a session, and a count, of its own.'}
        </p>
      </div>
      <div class="cards">
        ${name === undefined ? signInCard(parts) : undefined} ${counterCard(parts)} ${flashCard(parts)}
        ${factsCard(parts)}
      </div>
    `,
  })
}

/** Behind `requireLogin`: only a signed-in user sees it. */
export function accountPage({ name, createdAt, csrfToken }: AccountParts): string {
  return document({
    title: `Your account · holdfast quick start`,
    header: html`${brand}${accountForm(name, csrfToken)}`,
    main: html`<div class="intro">
      <h1>Your account</h1>
      <p>You are ${name}, signed in since ${instant(createdAt)}.</p>
      <p class="muted">
        Without a sign-in this address leads to the form: its route begins with
        <code>requireLogin</code>.
      </p>
      <p><a href="/">Back to the page</a></p>
    </div>`,
  })
}

export function errorPage(title: string, advice: string): string {
  return document({ title, header: brand, main: errorContent(title, advice, 'Back to the page') })
}

function document(parts: { title: string; header: Html; main: Html }): string {
  return renderDocument({
    ...parts,
    styles: ['/quick-start.css'],
    footer: html`The whole app is <code>examples/quick-start/app.ts</code>.`,
  })
}

function signInCard({ problem, ...parts }: HomeParts): Html {
  const { typedName = '' } = problem ?? {}
  return html`<section class="card" aria-labelledby="sign-in">
    <h2 id="sign-in">Sign in</h2>
    <p class="muted" id="password-hint">Any name will do. The demo password is <code>${parts.demoPassword}</code>.</p>
    <form class="stack" method="post" action="/sign-in">
      ${csrfField(parts.csrfToken)}
      <div class="field">
        <label for="name">Name</label>
        <input
          id="name"
          name="name"
          value="${typedName}"
          autocomplete="username"
          maxlength="60"
          required
          ${problem?.field === 'name' && html`aria-invalid="true" aria-describedby="problem" autofocus`}
        />
        ${problem?.field === 'name' && fieldProblem(problem)}
      </div>
      <div class="field">
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          ${problem?.field === 'password' ? html`aria-invalid="true" aria-describedby="problem password-hint" autofocus` : html`aria-describedby="password-hint"`}
        />
        ${problem?.field === 'password' && fieldProblem(problem)}
      </div>
      <button class="button">Sign in</button>
    </form>
  </section>`
}

function fieldProblem({ text }: SignInProblem): Html {
  return html`<p class="field-problem" id="problem" role="alert">${text}</p>`
}

function counterCard(parts: HomeParts): Html {
  return html`<section class="card" id="counter" aria-labelledby="counter-title">
    <h2 id="counter-title">A counter</h2>
    <p class="count" data-testid="count">${parts.count}</p>
    <p class="muted">Kept in your session. Reload the page, or close the browser and come back: it is still there.</p>
    <form method="post" action="/count">
      ${csrfField(parts.csrfToken)}
      <button class="button ${parts.name === undefined && 'button-quiet'}">Count one more</button>
    </form>
  </section>`
}

function flashCard(parts: HomeParts): Html {
  return html`<section class="card" aria-labelledby="flash">
    <h2 id="flash">A flash message</h2>
    <p class="muted">Shown on the next page, once. A reload does not show it again.</p>
    <form class="stack" method="post" action="/flash">
      ${csrfField(parts.csrfToken)}
      <div class="field">
        <label for="message">Message</label>
        <input id="message" name="message" maxlength="200" required autocomplete="off" />
      </div>
      <button class="button button-quiet">Leave it</button>
    </form>
  </section>`
}

function factsCard({ name, handle, createdAt, expiresAt }: HomeParts): Html {
  return html`<section class="card card-wide" aria-labelledby="facts">
    <h2 id="facts">What the server knows</h2>
    <dl class="facts">
      <div>
        <dt>Handle</dt>
        <dd><code>${handle}</code></dd>
      </div>
      <div>
        <dt>Belongs to</dt>
        <dd>${name === undefined ? 'nobody yet' : html`${name}, see <a href="/account">your account</a>`}</dd>
      </div>
      <div>
        <dt>Kept in</dt>
        <dd><code>MemoryStore</code>: this process</dd>
      </div>
      <div>
        <dt>Began</dt>
        <dd>${instant(createdAt)}</dd>
      </div>
      <div>
        <dt>Ends</dt>
        <dd>${instant(expiresAt)}</dd>
      </div>
    </dl>
    <p class="muted">
      The handle above names the session in lists and logs. Only the ID in your cookie gives access to it. When the
      process ends, its sessions end: a real app passes <code>sessionMiddleware</code> a store, such as
      <code>RedisStore</code>.
    </p>
  </section>`
}

const format = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

function instant(seconds: number): Html {
  const date = new Date(seconds * 1000)
  return html`<time datetime="${date.toISOString()}">${format.format(date)} UTC</time>`
}
