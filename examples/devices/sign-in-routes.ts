import { Router } from 'express'
import { login } from 'holdfast'
import { csrfToken, renewCsrfToken } from '../shared/csrf'
import { formField } from '../shared/form-field'
import { signOut } from '../shared/sign-out'
import type { Accounts } from './accounts'
import { describeDevice } from '../shared/describe-device'
import { signedOutHere } from './device-routes'
import { signInPage } from './sign-in-page'

const thirtyDays = 30 * 86_400

export function signInRoutes(accounts: Accounts): Router {
  const router = Router()

  router.get('/sign-in', (req, res) => {
    if (accounts.find(req.session.subject) === undefined) {
      res.send(signInPage({ csrfToken: csrfToken(req), notice: req.session.get('notice') }))
    } else {
      res.redirect(303, '/')
    }
  })

  router.post('/sign-in', async (req, res) => {
    const [email, keep] = [formField(req, 'email'), formField(req, 'keep') !== '']
    const account = await accounts.check(email, formField(req, 'password'))
    if (account === undefined) {
      res.status(422).send(signInPage({ csrfToken: csrfToken(req), email, keep, failed: true }))
      return
    }
    login(req, account.id, {
      ...(keep && { ttl: thirtyDays }),
      context: { ip: addressOf(req), device: { ...describeDevice(req.get('user-agent')) } },
    })
    renewCsrfToken(req)
    res.redirect(303, '/')
  })

  router.post('/sign-out', signOut('/sign-in', signedOutHere))

  return router
}

/** As people know it: an IPv4 client of a server that listens on IPv6 too is an IPv4 client. */
function addressOf({ ip = '' }: { readonly ip?: string | undefined }): string {
  return ip.replace(/^::ffff:/, '')
}
