import type { ErrorRequestHandler, RequestHandler } from 'express'
import { explainError } from './document'
import { type Html, html } from './html'

/** Writes an app's page about a problem, in the app's own style. */
export type ErrorPage = (title: string, advice: string) => string

/**
 * For the paths that do not exist, and for requests that failed. Mount both after all routes.
 *
 * @example app.use(...errorPages(errorPage))
 */
export function errorPages(page: ErrorPage): [notFound: RequestHandler, showError: ErrorRequestHandler] {
  return [
    function notFound(_req, res) {
      res.status(404).send(page('There is no such page', 'It may have moved.'))
    },
    function showError(error, _req, res, next) {
      if (res.headersSent) {
        next(error)
        return
      }
      const { status, title, advice } = explainError(error)
      if (status >= 500) console.error(error)
      res.status(status).send(page(title, advice))
    },
  ]
}

/** What such a page says, with a way back. */
export function errorContent(title: string, advice: string, back: string): Html {
  return html`<div class="stack">
    <h1>${title}</h1>
    <p>${advice}</p>
    <p><a href="/">${back}</a></p>
  </div>`
}
