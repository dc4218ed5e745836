import { csrfField } from '../shared/csrf-field'
import { type Html, html } from '../shared/html'
import type { Account } from './accounts'
import { settingsPage } from './pages'

/** NIST SP 800-63B asks for 15 characters where the password is all there is, and for no rules about their kind. */
export const shortestPassword = 15

export interface PasswordProblem {
  readonly field: 'current' | 'wanted'
  readonly text: string
}

export interface PasswordParts {
  readonly account: Account
  readonly csrfToken: string
  readonly problem?: PasswordProblem | undefined
}

export function passwordPage({ account, csrfToken, problem }: PasswordParts): string {
  const content = html`<div class="page-title">
      <h1>Change your password</h1>
      <p class="muted">You stay signed in here. Every other device is signed out.</p>
    </div>
    <form class="card stack password-form" method="post" action="/password">
      ${csrfField(csrfToken)}
      <input type="hidden" name="username" autocomplete="username" value="${account.email}" />
      ${passwordField({ name: 'current', label: 'Current password', autocomplete: 'current-password', problem })}
      ${passwordField({ name: 'wanted', label: 'New password', autocomplete: 'new-password', problem, hint })}
      <button class="button">Change password</button>
    </form>`
  const title = problem === undefined ? 'Change your password' : 'Password not changed'
  return settingsPage({ title, current: '/password', account, csrfToken, content })
}

const hint = `At least ${shortestPassword} characters. Several words that have nothing to do with each other make a good one.`

interface FieldParts {
  readonly name: 'current' | 'wanted'
  readonly label: string
  readonly autocomplete: string
  readonly problem: PasswordProblem | undefined
  readonly hint?: string
}

function passwordField({ name, label, autocomplete, problem, hint: advice }: FieldParts): Html {
  const text = problem?.field === name ? problem.text : undefined
  const described = [advice !== undefined && `${name}-hint`, text !== undefined && `${name}-problem`]
    .filter(Boolean)
    .join(' ')
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      type="password"
      autocomplete="${autocomplete}"
      maxlength="200"
      required
      ${described !== '' && html`aria-describedby="${described}"`}
      ${text !== undefined && html`aria-invalid="true" autofocus`}
    />
    ${text !== undefined && html`<p class="field-problem" id="${name}-problem" role="alert">${text}</p>`}
    ${advice !== undefined && html`<p class="hint" id="${name}-hint">${advice}</p>`}
  </div>`
}
