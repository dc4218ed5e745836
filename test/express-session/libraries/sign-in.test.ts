import { ensureLoggedIn, ensureLoggedOut } from 'connect-ensure-login'
import { Passport } from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import { FakeProvider } from '../../support/fake-provider'
import { describeSameFlows, type NamedFlow } from '../../support/describe-flows'
import type { Flow, Visitor } from '../../support/same-flow'

/** Sign-in by a provider, and what stands in front of pages for users. The sign-in itself is in passport.test.ts. */

const grant = jest.requireActual<{ express: () => (config: object) => unknown }>('grant')

let provider: FakeProvider
beforeAll(async () => {
  provider = await FakeProvider.start()
})
afterAll(() => provider.close())

interface User {
  readonly id: string
}

/** An app with passport and connect-ensure-login. For the provider every user is Ada. */
const passportOf = (strategy: object): Flow['mount'] => {
  return (app, origin) => {
    const passport = new Passport()
    passport.serializeUser((user, done) => done(null, (user as User).id))
    passport.deserializeUser((id, done) => done(null, { id }))
    passport.use(
      'provider',
      new OAuth2Strategy(
        {
          authorizationURL: `${provider.origin}/authorize`,
          tokenURL: `${provider.origin}/token`,
          clientID: 'shop',
          clientSecret: 'the secret of the shop',
          callbackURL: `${origin}/callback`,
          ...strategy,
        },
        (_token: string, _refresh: string, _profile: unknown, done: (error: null, user: User) => void) =>
          done(null, { id: 'ada' }),
      ),
    )
    app.use(passport.session())
    app.get('/login', ensureLoggedOut('/'), passport.authenticate('provider'))
    app.get(
      '/callback',
      passport.authenticate('provider', {
        successReturnToOrRedirect: '/',
        keepSessionInfo: true,
        failureRedirect: '/refused',
        failureMessage: true,
      }),
    )
    app.get('/refused', (req: any, res: any) => res.json(req.session.messages ?? null))
    app.get('/account', ensureLoggedIn('/login'), (req: any, res: any) => res.json(req.user))
    app.get('/logout', (req: any, res: any, next: any) => {
      req.logout((error: unknown) => (error ? next(error) : res.redirect('/')))
    })
    app.get('/', (req: any, res: any) => {
      // What the libraries have left there; its values differ from run to run.
      res.json({ user: req.user?.id ?? null, keys: Object.keys(req.session).sort() })
    })
  }
}

/** From a page for users, to the provider, and back to that page; later signed out. */
async function signInAndOut(visitor: Visitor): Promise<unknown> {
  await visitor.get('/account')
  await visitor.follow()
  const { searchParams } = visitor.location
  await visitor.follow()
  await visitor.follow()
  const account = visitor.json
  await visitor.get('/')
  await visitor.get('/login')
  await visitor.get('/logout')
  await visitor.get('/account')
  return { account, state: searchParams.has('state'), challenge: searchParams.has('code_challenge') }
}

/** The provider's response to the sign-in of another user: a link that an attacker has sent. */
async function refuseTheStateOfAnother(visitor: Visitor): Promise<unknown> {
  const attacker = visitor.other()
  await attacker.get('/login')
  const response = await fetch(attacker.location, { redirect: 'manual' })
  const { pathname, search } = new URL(response.headers.get('location') ?? '')
  await visitor.get('/login')
  await visitor.get(pathname + search)
  await visitor.follow()
  const refused = visitor.json
  await visitor.get('/account')
  return refused
}

const grantFlow: Flow = {
  mount(app, origin) {
    const config = {
      defaults: { origin, transport: 'session', state: true, nonce: true, pkce: true },
      provider: {
        authorize_url: `${provider.origin}/authorize`,
        access_url: `${provider.origin}/token`,
        oauth: 2,
        key: 'shop',
        secret: 'the secret of the shop',
        scope: ['openid'],
        callback: '/welcome',
        response: ['tokens', 'jwt'],
      },
    }
    app.use(grant.express()(config))
    app.get('/welcome', (req: any, res: any) => {
      const { response, ...rest } = req.session.grant
      res.json({ name: response.jwt?.id_token.payload.name, error: response.error, keys: Object.keys(rest).sort() })
    })
  },
  async visit(visitor) {
    await visitor.get('/connect/provider')
    await visitor.follow()
    await visitor.follow()
    const welcome = visitor.json
    await visitor.get('/connect/provider/callback?code=4711&state=made-up')
    await visitor.follow()
    return [welcome, visitor.json.error]
  },
}

const flows: readonly NamedFlow[] = [
  [
    'passport-oauth2 with state and PKCE, connect-ensure-login',
    { mount: (app, origin) => passportOf({ state: true, pkce: true })(app, origin), visit: signInAndOut },
    { account: { id: 'ada' }, state: true, challenge: true },
    [302, 302, 302, 200, 200, 302, 302, 302],
  ],
  [
    'passport-oauth2 with state alone, connect-ensure-login',
    { mount: (app, origin) => passportOf({ state: true })(app, origin), visit: signInAndOut },
    { account: { id: 'ada' }, state: true, challenge: false },
    [302, 302, 302, 200, 200, 302, 302, 302],
  ],
  [
    'passport-oauth2 and a state of another browser',
    { mount: (app, origin) => passportOf({ state: true, pkce: true })(app, origin), visit: refuseTheStateOfAnother },
    ['Invalid authorization request state.'],
    [302, 302, 302, 200, 302],
  ],
  [
    'grant with state, nonce and PKCE, transport session',
    grantFlow,
    [{ name: 'Ada Lovelace', keys: ['code_verifier', 'nonce', 'provider', 'state'] }, 'Grant: OAuth2 state mismatch'],
    [302, 302, 200, 302, 200],
  ],
]

describeSameFlows(flows)
