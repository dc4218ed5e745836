import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import express, { type Express, type Request } from 'express'
import { renderDocument } from '../shared/document'
import { errorContent, errorPages } from '../shared/error-pages'
import { formField } from '../shared/form-field'
import { type Html, html } from '../shared/html'
import { securityHeadersWith } from '../shared/security-headers'

/** The one app that this provider knows. */
export const client = { id: 'passport-example', secret: 'known to the app and to the provider' }

const publicFolders = [join(__dirname, 'public'), join(__dirname, '../shared/public')]

const people = [
  { id: 'grace', name: 'Grace Hopper' },
  { id: 'alan', name: 'Alan Turing' },
]

/** What the app asked for, until it exchanges the code. */
interface Grant {
  readonly person: string
  readonly challenge: string
}

/**
 * A provider of sign-ins, as GitHub and Google are, for this example alone: OAuth 2.0's authorization code with PKCE
 * (RFC 6749, RFC 7636). The people are made up, none has a password, and everything is in memory.
 *
 * @param redirectUri Where people may be sent back to, and nowhere else.
 */
export function createProvider(redirectUri: string): Express {
  const grants = new Map<string, Grant>()
  const tokens = new Map<string, string>()
  const app = express()
  // The response to the form redirects to the app: browsers apply form-action to that, too.
  app.use(securityHeadersWith({ formAction: ["'self'", new URL(redirectUri).origin] }))
  app.use(...publicFolders.map((folder) => express.static(folder)))
  app.use(express.urlencoded({ extended: false, limit: '4kb' }))

  app.get('/', (_req, res) => {
    res.send(
      page(
        'Harbour ID',
        html`<h1>Harbour ID</h1>
          <p>A provider of sign-ins. The app sends people here.</p>`,
      ),
    )
  })

  app.get('/authorize', (req, res) => {
    const asked = new URL(req.originalUrl, redirectUri).searchParams
    const problem = findProblem(asked, redirectUri)
    if (problem === undefined) res.send(consentPage(asked))
    else res.status(400).send(page('Not a request of ours', errorContent('That did not work', problem, 'Back')))
  })

  app.post('/authorize', (req, res) => {
    const back = new URL(redirectUri)
    back.searchParams.set('state', formField(req, 'state'))
    const person = people.find(({ id }) => id === formField(req, 'person'))
    if (person === undefined) back.searchParams.set('error', 'access_denied')
    else {
      const code = randomBytes(24).toString('base64url')
      grants.set(code, { person: person.id, challenge: formField(req, 'code_challenge') })
      back.searchParams.set('code', code)
    }
    res.redirect(303, back.href)
  })

  app.post('/token', (req, res) => {
    const grant = grants.get(formField(req, 'code'))
    // A code works once, also when the rest of the request is wrong.
    grants.delete(formField(req, 'code'))
    const isClient = formField(req, 'client_id') === client.id && formField(req, 'client_secret') === client.secret
    const challenge = createHash('sha256').update(formField(req, 'code_verifier')).digest('base64url')
    if (grant === undefined || !isClient || challenge !== grant.challenge) {
      res.status(400).json({ error: 'invalid_grant' })
      return
    }
    const token = randomBytes(24).toString('base64url')
    tokens.set(token, grant.person)
    res.json({ access_token: token, token_type: 'Bearer' })
  })

  app.get('/me', (req, res) => {
    const person = people.find(({ id }) => id === tokens.get(bearerToken(req)))
    if (person === undefined) res.status(401).json({ error: 'invalid_token' })
    else res.json(person)
  })

  app.use(...errorPages((title, advice) => page(title, errorContent(title, advice, 'Back'))))
  return app
}

function findProblem(asked: URLSearchParams, redirectUri: string): string | undefined {
  if (asked.get('client_id') !== client.id) return 'We do not know this app.'
  if (asked.get('redirect_uri') !== redirectUri) return 'The app wants people back at an address that is not its own.'
  if (asked.get('response_type') !== 'code') return 'We give codes only.'
  return asked.get('code_challenge_method') === 'S256' ? undefined : 'The app has to use PKCE.'
}

function bearerToken(req: Request): string {
  return (req.get('authorization') ?? '').replace(/^Bearer /, '')
}

function consentPage(asked: URLSearchParams): string {
  const hidden = ['state', 'code_challenge'].map(
    (name) => html`<input type="hidden" name="${name}" value="${asked.get(name) ?? ''}" />`,
  )
  return page(
    'Who are you?',
    html`<form class="card stack passport-card" method="post" action="/authorize">
      <h1>Who are you?</h1>
      <p class="muted">The passport example wants to know your name. This provider is a part of the demo. Be one of:</p>
      ${hidden}
      ${people.map(({ id, name }) => html`<button class="button" name="person" value="${id}">${name}</button>`)}
      <button class="button button-quiet" name="person" value="">Cancel</button>
    </form>`,
  )
}

function page(title: string, main: Html): string {
  const header = html`<span class="brand"><span>Harbour ID</span></span>`
  return renderDocument({ title: `${title} · Harbour ID`, styles: ['/passport.css'], header, main })
}
