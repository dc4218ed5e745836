import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** A sign-in that was begun, until its code is exchanged. */
interface Grant {
  readonly challenge: string | null
  readonly nonce: string | null
  readonly clientId: string | null
  readonly redirect: string
}

/** An OAuth 2.0 and OpenID Connect provider on this machine, at which every user is Ada. It checks what a client must do:
 * the code once, with the redirect URI and the PKCE verifier of the request that began it (RFC 6749, RFC 7636). */
export class FakeProvider {
  readonly origin: string
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  readonly #grants = new Map<string, Grant>()
  readonly #close: () => Promise<void>
  /** A path before all others: Keycloak has its realms there. */
  prefix = ''
  /** What Keycloak's adapter calls the sessions that it has begun: the ids of the app's sessions. */
  readonly clientSessions: string[] = []
  /** The `sid` of the next tokens: the session at the provider. */
  sid = 'session-at-the-provider'

  private constructor(origin: string, close: () => Promise<void>) {
    this.origin = origin
    this.#close = close
  }

  static async start(): Promise<FakeProvider> {
    const server = createServer((req, res) => {
      let body = ''
      req.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      req.on('end', () => {
        const [status, headers, text] = provider.#respond(new URL(req.url ?? '', provider.origin), body)
        res.writeHead(status, headers).end(text)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const provider = new FakeProvider(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return provider
  }

  get issuer(): string {
    return this.origin + this.prefix
  }

  close(): Promise<void> {
    return this.#close()
  }

  /** A signed token with the claims. */
  sign(claims: object): string {
    const now = Math.floor(Date.now() / 1000)
    const parts = [
      { alg: 'RS256', typ: 'JWT', kid: 'key' },
      { iss: this.issuer, iat: now, exp: now + 300, ...claims },
    ]
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    return `${text}.${createSign('sha256').update(text).sign(this.#keys.privateKey, 'base64url')}`
  }

  #respond(url: URL, body: string): [status: number, headers: Record<string, string>, text: string] {
    const json = (status: number, value: object): [number, Record<string, string>, string] => [
      status,
      { 'Content-Type': 'application/json' },
      JSON.stringify(value),
    ]
    const { issuer } = this
    switch (url.pathname.split('/').at(-1)) {
      case 'openid-configuration':
        return json(200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          userinfo_endpoint: `${issuer}/userinfo`,
          jwks_uri: `${issuer}/certs`,
          end_session_endpoint: `${issuer}/logout`,
          response_types_supported: ['code', 'id_token'],
          response_modes_supported: ['query', 'form_post'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          backchannel_logout_supported: true,
        })
      case 'certs':
        return json(200, {
          keys: [{ ...this.#keys.publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'key' }],
        })
      case 'userinfo':
        return json(200, { sub: 'ada', name: 'Ada Lovelace' })
      case 'authorize':
      case 'auth':
        return [302, { Location: this.#authorize(url.searchParams) }, '']
      case 'token':
        return json(...this.#exchange(new URLSearchParams(body)))
      case 'logout':
        return [302, { Location: url.searchParams.get('post_logout_redirect_uri') ?? '/' }, '']
      default:
        return json(404, { path: url.pathname })
    }
  }

  #authorize(query: URLSearchParams): string {
    const redirect = query.get('redirect_uri') ?? ''
    const code = randomBytes(16).toString('hex')
    this.#grants.set(code, {
      redirect,
      challenge: query.get('code_challenge'),
      nonce: query.get('nonce'),
      clientId: query.get('client_id'),
    })
    const back = new URL(redirect)
    back.searchParams.set('code', code)
    const state = query.get('state')
    if (state !== null) back.searchParams.set('state', state)
    return back.href
  }

  #exchange(form: URLSearchParams): [status: number, value: object] {
    const code = form.get('code') ?? ''
    const clientSession = form.get('client_session_state')
    if (clientSession !== null) this.clientSessions.push(clientSession)
    const grant = this.#grants.get(code)
    this.#grants.delete(code)
    if (grant === undefined) return [400, { error: 'invalid_grant', error_description: 'unknown code' }]
    const verifier = form.get('code_verifier') ?? ''
    if (grant.challenge !== null && createHash('sha256').update(verifier).digest('base64url') !== grant.challenge) {
      return [400, { error: 'invalid_grant', error_description: 'wrong code_verifier' }]
    }
    const redirect = form.get('redirect_uri')
    if (redirect !== null && redirect !== grant.redirect) return [400, { error: 'invalid_grant' }]
    const { clientId: aud, nonce } = grant
    const claims = { sub: 'ada', aud, azp: aud, sid: this.sid, ...(nonce !== null && { nonce }) }
    return [
      200,
      {
        token_type: 'Bearer',
        expires_in: 300,
        access_token: this.sign({ ...claims, typ: 'Bearer', session_state: this.sid }),
        refresh_token: this.sign({ ...claims, typ: 'Refresh' }),
        id_token: this.sign({ ...claims, typ: 'ID', name: 'Ada Lovelace' }),
      },
    ]
  }
}
