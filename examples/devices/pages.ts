import { accountForm } from '../shared/csrf-field'
import { renderDocument } from '../shared/document'
import { errorContent } from '../shared/error-pages'
import { type Html, html } from '../shared/html'
import type { Account } from './accounts'

/** Shown on the sign-in page, as every visitor of the demo may use it. */
export const demo = { email: 'ada@example.com', password: 'analytical engine' }

const brand = html`<a class="brand" href="/"
  ><img src="/icon.svg" alt="" width="32" height="32" /><span>Harbour</span></a
>`

/** A page that needs no sign-in. */
export function publicPage(title: string, main: Html): string {
  return renderDocument({ title: `${title} · Harbour`, styles: ['/devices.css'], header: brand, main })
}

export function errorPage(title: string, advice: string): string {
  return publicPage(title, html`<div class="narrow">${errorContent(title, advice, 'Back to your devices')}</div>`)
}

export interface SettingsParts {
  readonly title: string
  readonly current: '/' | '/password'
  readonly account: Account
  readonly csrfToken: string
  readonly notice?: string | undefined
  readonly content: Html
}

/** A page of a person's settings. */
export function settingsPage({ title, current, account, csrfToken, notice, content }: SettingsParts): string {
  const link = (path: string, text: string) =>
    html`<li><a href="${path}" ${path === current ? html`aria-current="page"` : undefined}>${text}</a></li>`
  return renderDocument({
    title: `${title} · Harbour`,
    styles: ['/devices.css'],
    header: html`${brand} ${accountForm(account.name, csrfToken)}`,
    main: html`<div class="settings">
      <nav class="settings-nav" aria-label="Settings">
        <ul>
          ${link('/', 'Your devices')} ${link('/password', 'Password')}
        </ul>
      </nav>
      <div class="settings-content">
        ${notice === undefined ? undefined : html`<p class="message" role="status">${notice}</p>`} ${content}
      </div>
      <script src="/local-times.js" defer></script>
    </div>`,
  })
}
