import { accountForm, csrfField } from '../shared/csrf-field'
import { renderDocument } from '../shared/document'
import { errorContent } from '../shared/error-pages'
import { type Html, html } from '../shared/html'

const brand = html`<a class="brand" href="/"
  ><img src="/icon.svg" alt="" width="32" height="32" /><span>holdfast <span class="brand-detail">chat</span></span></a
>`

export function signInPage(csrfToken: string, notice?: string): string {
  return document(
    'holdfast chat',
    brand,
    html`${notice !== undefined && html`<p class="message" role="status">${notice}</p>`}
      <div class="intro">
        <h1>Come in</h1>
        <p class="muted">Any name will do. Open the chat in two tabs to see what a session can do.</p>
      </div>
      <form class="card chat-sign-in" method="post" action="/sign-in">
        ${csrfField(csrfToken)}
        <div class="field">
          <label for="name">Your name</label
          ><input id="name" name="name" required maxlength="40" autocomplete="nickname" autofocus />
        </div>
        <button class="button">Sign in</button>
      </form>`,
  )
}

/** The page's script fills the list and shows the name as the session has it; see public/chat.js. */
export function chatPage(name: string, csrfToken: string): string {
  const header = html`${brand} ${accountForm(name, csrfToken)}`
  return document(
    'holdfast chat',
    header,
    html` <h1 class="visually-hidden">Chat</h1>
      <p class="message" role="status" data-state hidden></p>
      <section class="card chat" aria-label="Chat">
        <div class="chat-log" role="log" aria-label="Messages" tabindex="0" data-log>
          <div class="chat-empty" data-empty>
            <p>No messages yet.</p>
            <p class="muted">Open this page in a second tab: both are in one session.</p>
          </div>
          <ol class="chat-messages" data-messages></ol>
        </div>
        <form class="chat-row" data-say>
          <label class="visually-hidden" for="say">Message</label>
          <input
            id="say"
            name="say"
            maxlength="2000"
            autocomplete="off"
            placeholder="Write a message"
            required
            autofocus
            data-say-field
          />
          <button class="button" data-send disabled>Send</button>
        </form>
      </section>
      <form class="chat-rename" data-rename>
        <label for="name">Your name</label>
        <div class="chat-row">
          <input id="name" name="name" maxlength="40" autocomplete="nickname" value="${name}" required />
          <button class="button button-quiet">Change</button>
        </div>
      </form>
      <script src="/chat.js" defer></script>`,
  )
}

export function errorPage(title: string, advice: string): string {
  return document(title, brand, errorContent(title, advice, 'Back to the chat'))
}

function document(title: string, header: Html, main: Html): string {
  return renderDocument({
    title,
    header,
    main,
    styles: ['/chat.css'],
    footer: html`The server's side of a socket is <code>examples/chat/room.ts</code>.`,
  })
}
