import { type Html, html } from './html'

export interface DocumentParts {
  readonly title: string
  /** Paths of style sheets, after the one that all examples share. */
  readonly styles: readonly string[]
  readonly header: Html
  readonly main: Html
  readonly footer?: Html
}

/** A whole page: landmarks, a way past the header for keyboards, light and dark as the reader's device says. */
export function renderDocument({ title, styles, header, main, footer }: DocumentParts): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="description" content="An example of holdfast, session middleware for Express and Connect." />
        <title>${title}</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        ${['/base.css', ...styles].map((path) => html`<link rel="stylesheet" href="${path}" />`)}
      </head>
      <body>
        <a class="skip-link" href="#main">Skip to the content</a>
        <header class="top-bar"><div class="top-bar-inner">${header}</div></header>
        <main id="main" tabindex="-1">${main}</main>
        ${footer === undefined ? undefined : html`<footer class="page-footer">${footer}</footer>`}
      </body>
    </html>`
  return String(page)
}

/** What to say when a request could not be served, in words for the person who sent it. */
export function explainError(error: unknown): { status: number; title: string; advice: string } {
  const { status, code } = (typeof error === 'object' && error !== null ? error : {}) as {
    status?: unknown
    code?: unknown
  }
  if (code === 'EBADCSRFTOKEN') {
    return {
      status: 403,
      title: 'This form has expired',
      advice: 'You may have signed in or out in another tab. Go back to the page and try again.',
    }
  }
  if (status === 503) {
    return {
      status,
      title: 'We cannot reach your session',
      advice: 'Nothing was changed. Please try again in a moment.',
    }
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, title: 'That did not work', advice: 'The request was not one that this page understands.' }
  }
  return { status: 500, title: 'Something went wrong', advice: 'It is our fault. Please try again in a moment.' }
}
