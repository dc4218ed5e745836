import { csrfField } from '../shared/csrf-field'
import { html } from '../shared/html'
import { demo, publicPage } from './pages'

export interface SignInParts {
  readonly csrfToken: string
  readonly notice?: string | undefined
  /** What was typed before, to be shown again. */
  readonly email?: string
  readonly keep?: boolean
  readonly failed?: boolean
}

export function signInPage({ csrfToken, notice, email = '', keep = false, failed = false }: SignInParts): string {
  // Which of the two was wrong is not said: that would show which addresses have an account.
  const text = 'That email and password do not go together.'
  const problem = html`<p class="message message-problem" id="problem" role="alert">${text}</p>`
  const marks = failed ? html`aria-invalid="true" aria-describedby="problem"` : undefined
  return publicPage(
    failed ? 'Not signed in' : 'Sign in',
    html`<div class="narrow">
      <section class="card stack" aria-labelledby="title">
        <h1 id="title">Sign in</h1>
        ${notice === undefined ? undefined : html`<p class="message" role="status">${notice}</p>`}
        ${failed ? problem : undefined}
        <form class="stack" method="post" action="/sign-in">
          ${csrfField(csrfToken)}
          <div class="field">
            <label for="email">Email</label>
            <input
              id="email"
              name="email"
              type="email"
              autocomplete="username"
              maxlength="200"
              required
              value="${email}"
              ${marks}
            />
          </div>
          <div class="field">
            <label for="password">Password</label>
            <input
              id="password"
              name="password"
              type="password"
              autocomplete="current-password"
              maxlength="200"
              required
              ${marks}
            />
          </div>
          <div class="choice">
            <input
              id="keep"
              name="keep"
              type="checkbox"
              value="yes"
              aria-describedby="keep-hint"
              ${keep && html`checked`}
            />
            <label for="keep">Keep me signed in</label>
            <p class="hint" id="keep-hint">
              For 30 days. Leave it off on a shared computer: you are signed out after 12 hours.
            </p>
          </div>
          <button class="button button-wide">Sign in</button>
        </form>
      </section>
      <p class="demo-note">
        This is a demo. Sign in as <code>${demo.email}</code> with <code>${demo.password}</code>, here and in another
        browser.
      </p>
    </div>`,
  )
}
