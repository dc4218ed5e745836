import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, test } from 'node:test'
import provider from '../../support/fake-provider.js'
import flows, { type Flow } from '../../support/same-flow.js'

/** keycloak-connect and express-openid-connect, which keep what they know in express-session's store by hand: the same on
 * holdfast/express-session as on express-session. */

const require = createRequire(import.meta.url)
const { expressSession, programs, seenOf } = flows
const Keycloak = require('keycloak-connect')
const { auth, requiresAuth } = require('express-openid-connect')

const keycloak = await provider.FakeProvider.start()
keycloak.prefix = '/realms/shop'
const issuer = await provider.FakeProvider.start()
after(() => Promise.all([keycloak.close(), issuer.close()]))

/** Pages that need a login, with the grant in the session; and a logout that the server behind them asks for. */
const keycloakFlow: Flow = {
  mount(app) {
    const guard = new Keycloak(
      // The very object that `req.sessionStore` is: the adapter reads and writes records in it by id.
      { store: app.get('sessions').store },
      {
        realm: 'shop',
        'auth-server-url': keycloak.origin,
        resource: 'shop',
        'bearer-only': false,
        'public-client': true,
        'ssl-required': 'none',
        'confidential-port': 0,
      },
    )
    app.use(guard.middleware({ logout: '/logout', admin: '/' }))
    app.get('/account', guard.protect(), (req: any, res: any) => {
      req.session.views = Number(req.session.views ?? 0) + 1
      res.json({ user: req.kauth.grant.access_token.content.sub, views: req.session.views })
    })
    app.get('/', (req: any, res: any) => res.json(Object.keys(req.session).sort()))
  },
  async visit(visitor) {
    const accounts: unknown[] = []
    const signIn = async (): Promise<void> => {
      await visitor.get('/account')
      await visitor.follow()
      await visitor.follow()
      accounts.push(visitor.json)
    }
    await signIn()
    await visitor.get('/account')
    await visitor.get('/')
    const withGrant: unknown = visitor.json
    // The provider ends the session of the app, which it knows by its id.
    const ended = keycloak.clientSessions.at(-1)
    await visitor.post('/k_logout', keycloak.sign({ action: 'LOGOUT', adapterSessionIds: [ended] }))
    await visitor.get('/')
    const withoutGrant: unknown = visitor.json
    await signIn()
    await visitor.get('/logout')
    await visitor.get('/')
    await visitor.get('/account')
    return { accounts, withGrant, withoutGrant }
  },
}

const isLoggedIn = (req: any, res: any): void => {
  req.session.views = Number(req.session.views ?? 0) + 1
  res.json({ user: req.oidc.user?.sub ?? null, views: req.session.views })
}

/** Its own session in express-session's store, and a value in express-session's session; also a logout that the provider
 * asks for. */
const openIdFlow: Flow = {
  mount(app, origin) {
    const { store } = app.get('sessions')
    app.use(
      auth({
        issuerBaseURL: issuer.issuer,
        baseURL: origin,
        clientID: 'shop',
        clientSecret: 'the secret of the shop',
        secret: 'a secret for its own cookies',
        authorizationParams: { response_type: 'code', scope: 'openid' },
        authRequired: false,
        idpLogout: false,
        session: { store },
        backchannelLogout: { store },
        afterCallback(req: any, _res: unknown, session: object) {
          req.session.signedIn = true
          return session
        },
      }),
    )
    app.get('/account', requiresAuth(), isLoggedIn)
    app.get('/', (req: any, res: any) => {
      res.json({ user: req.oidc.user?.sub ?? null, keys: Object.keys(req.session).sort() })
    })
  },
  async visit(visitor) {
    const signIn = async (): Promise<unknown> => {
      await visitor.get('/account')
      await visitor.follow()
      await visitor.follow()
      return visitor.json
    }
    const account = await signIn()
    await visitor.get('/')
    const before: unknown = visitor.json
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const token = issuer.sign({ aud: 'shop', sub: 'ada', sid: issuer.sid, events, jti: 'once' })
    await visitor.post('/backchannel-logout', { logout_token: token })
    await visitor.get('/')
    const afterwards: unknown = visitor.json
    return { account, before, afterwards }
  },
}

const cases: readonly (readonly [name: string, flow: Flow, result: unknown])[] = [
  [
    'keycloak-connect',
    keycloakFlow,
    {
      accounts: [
        { user: 'ada', views: 1 },
        { user: 'ada', views: 3 },
      ],
      withGrant: ['auth_redirect_uri', 'cookie', 'keycloak-token', 'views'],
      withoutGrant: ['auth_redirect_uri', 'cookie', 'views'],
    },
  ],
  [
    'express-openid-connect',
    openIdFlow,
    {
      account: { user: 'ada', views: 1 },
      before: { user: 'ada', keys: ['cookie', 'signedIn', 'views'] },
      afterwards: { user: null, keys: ['cookie', 'signedIn', 'views'] },
    },
  ],
]

for (const version of ['express', 'express4']) {
  for (const [name, flow, result] of cases) {
    void test(`${name} on ${version}: the same as on express-session`, async () => {
      const create = (): unknown => require(version)()
      const expected = await seenOf(create, expressSession, flow)
      assert.deepEqual(expected.result, result)
      for (const sessions of programs) assert.deepEqual(await seenOf(create, sessions, flow), expected)
    })
  }
}
