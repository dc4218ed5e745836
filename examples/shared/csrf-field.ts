import { type Html, html } from './html'

/** The hidden field that carries a form's token; see `csrf.ts`. */
export function csrfField(csrfToken: string): Html {
  return html`<input type="hidden" name="csrfToken" value="${csrfToken}" />`
}

/** What stands at the end of a page's header: who is signed in, and the button that signs out. */
export function accountForm(name: string, csrfToken: string): Html {
  return html`<form class="account" method="post" action="/sign-out" data-account>
    ${csrfField(csrfToken)}<span class="account-name" data-name>${name}</span
    ><button class="button button-quiet">Sign out</button>
  </form>`
}
