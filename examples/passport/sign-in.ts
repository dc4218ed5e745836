import { Passport } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import OAuth2Strategy, { type VerifyCallback } from 'passport-oauth2'
import { client } from './provider'

/** What `req.user` is. */
export interface Person {
  readonly id: string
  readonly name: string
}

/** The password is on the page. A real app keeps hashes of passwords, as examples/devices does. */
export const demo = { id: 'user-1', name: 'ada', password: 'hold fast' }

/** Where the provider sends people back to. */
export const callbackPath = '/sign-in/provider/callback'

/** passport as it was on express-session: nothing in this file knows which middleware keeps the session. */
export function createPassport(providerUrl: string): InstanceType<typeof Passport> {
  const accounts = new Map<string, Person>([[demo.id, { id: demo.id, name: demo.name }]])
  const passport = new Passport()
  passport.use(
    new LocalStrategy({ usernameField: 'name' }, (name, password, done) => {
      done(null, name === demo.name && password === demo.password ? demo : false)
    }),
  )
  passport.use('provider', new ProviderStrategy(providerUrl, accounts))
  passport.serializeUser((user, done) => done(null, (user as Person).id))
  passport.deserializeUser((id: string, done) => done(null, accounts.get(id) ?? false))
  return passport
}

/** Signs people in at the provider. `state` and the verifier of PKCE are in the session until they come back. */
class ProviderStrategy extends OAuth2Strategy {
  /** Not a `#private` field: passport calls each method on an object that only inherits from the strategy. */
  private readonly url: string

  constructor(url: string, accounts: Map<string, Person>) {
    super(
      {
        authorizationURL: `${url}/authorize`,
        tokenURL: `${url}/token`,
        clientID: client.id,
        clientSecret: client.secret,
        callbackURL: callbackPath,
        state: true,
        pkce: true,
      },
      (_accessToken: string, _refreshToken: string, { id, name }: Person, verified: VerifyCallback) => {
        const user = { id: `provider:${id}`, name }
        accounts.set(user.id, user)
        verified(null, user)
      },
    )
    this.url = url
  }

  override userProfile(accessToken: string, done: (error?: unknown, profile?: Person) => void): void {
    fetch(`${this.url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
      .then(async (response) => done(null, (await response.json()) as Person))
      .catch(done)
  }
}
