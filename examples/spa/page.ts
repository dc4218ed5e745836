import { join } from 'node:path'
import express, { type Express } from 'express'
import { renderDocument } from '../shared/document'
import { errorContent, errorPages } from '../shared/error-pages'
import { type Html, html } from '../shared/html'
import { securityHeadersWith } from '../shared/security-headers'
import { demoPassword } from './api'

const publicFolders = [join(__dirname, 'public'), join(__dirname, '../shared/public')]

/** Static files and one page: no session here. What the page knows of the user, it asks the API. */
export function createPage(apiUrl: string): Express {
  const app = express()
  app.use(
    securityHeadersWith({ scriptSrc: ["'self'"], connectSrc: [apiUrl] }),
    ...publicFolders.map((folder) => express.static(folder)),
  )
  app.get('/', (_req, res) => res.send(document('holdfast notes', account, content(apiUrl))))
  app.use(
    ...errorPages((title, advice) => document(title, undefined, errorContent(title, advice, 'Back to the notes'))),
  )
  return app
}

const brand = html`<a class="brand" href="/"
  ><img src="/icon.svg" alt="" width="32" height="32" /><span>holdfast <span class="brand-detail">notes</span></span></a
>`

const account = html`<div class="account" data-account hidden>
  <span class="account-name" data-name></span>
  <button class="button button-quiet" type="button" data-sign-out>Sign out</button>
</div>`

function content(apiUrl: string): Html {
  return html`<p class="message" role="status" data-state hidden></p>
    <noscript
      ><p class="message message-problem">This page needs JavaScript: all that it shows comes from an API.</p></noscript
    >
    <div data-api="${apiUrl}">${signIn} ${notes}</div>
    <script type="module" src="/spa.js"></script>`
}

const signIn = html`<form class="card stack spa-sign-in" aria-labelledby="sign-in-title" data-sign-in hidden>
  <h1 id="sign-in-title">Sign in</h1>
  <p class="muted" id="hint">Any name will do. The demo password is <code>${demoPassword}</code>.</p>
  <p class="message message-problem" id="problem" role="alert" data-problem hidden></p>
  <div class="field">
    <label for="name">Name</label>
    <input id="name" name="name" autocomplete="username" maxlength="60" required />
  </div>
  <div class="field">
    <label for="password">Password</label>
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="current-password"
      aria-describedby="hint"
      required
    />
  </div>
  <button class="button">Sign in</button>
</form>`

const notes = html`<div class="stack" data-notes hidden>
  <h1 tabindex="-1" data-title>Your notes</h1>
  <form class="spa-row" data-add>
    <label class="visually-hidden" for="text">New note</label>
    <input id="text" name="text" maxlength="500" autocomplete="off" placeholder="Write a note" required />
    <button class="button">Add</button>
  </form>
  <p class="muted" data-empty>No notes yet. They are yours on every device that you sign in on.</p>
  <ul class="card spa-notes" data-list hidden></ul>
  <section class="card spa-elsewhere" aria-labelledby="elsewhere-title">
    <div>
      <h2 id="elsewhere-title">Somewhere else</h2>
      <p class="muted">
        Sign in with a second browser, and sign it out from here: its next request gets a 401, and it shows the form
        again, with what was typed.
      </p>
    </div>
    <button class="button button-quiet" type="button" data-elsewhere>Sign out everywhere else</button>
  </section>
</div>`

function document(title: string, header: Html | undefined, main: Html): string {
  return renderDocument({
    title,
    header: html`${brand}${header}`,
    main,
    styles: ['/spa.css'],
    footer: html`The page’s side is <code>examples/spa/public/api.js</code>, the server’s
      <code>examples/spa/api.ts</code>.`,
  })
}
