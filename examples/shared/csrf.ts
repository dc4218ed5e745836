import { csrfSync } from 'csrf-sync'
import { formField } from './form-field'

declare module 'holdfast' {
  interface SessionValues {
    csrfToken: string
  }
}

/**
 * Every form carries a token that its session keeps, and a post without it is refused with 403. The cookie's
 * `SameSite=Lax` alone already stops posts from other sites; the token also stops those from a neighbouring subdomain,
 * and those that sign the visitor in under an attacker's name.
 */
export const {
  csrfSynchronisedProtection: csrfProtection,
  generateToken: csrfToken,
  revokeToken: renewCsrfToken,
} = csrfSync({
  size: 32,
  getTokenFromRequest: (req) => formField(req, 'csrfToken'),
  getTokenFromState: (req) => req.session.get('csrfToken'),
  storeTokenInState: (req, token) => req.session.set('csrfToken', token),
})
