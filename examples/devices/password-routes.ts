import { Router } from 'express'
import type { SessionManager } from 'holdfast'
import { csrfToken, renewCsrfToken } from '../shared/csrf'
import { formField } from '../shared/form-field'
import type { Accounts } from './accounts'
import { countDevices } from './device-routes'
import { passwordPage, type PasswordProblem, shortestPassword } from './password-page'
import { accountOf, requireAccount } from './signed-in'

export function passwordRoutes(accounts: Accounts, sessions: SessionManager): Router {
  const router = Router()
  const guard = requireAccount(accounts)

  router.get('/password', guard, (req, res) => {
    res.send(passwordPage({ account: accountOf(accounts, req), csrfToken: csrfToken(req) }))
  })

  router.post('/password', guard, async (req, res) => {
    const account = accountOf(accounts, req)
    const [current, wanted] = [formField(req, 'current'), formField(req, 'wanted')]
    const problem = await findProblem(accounts, account.email, current, wanted)
    if (problem !== undefined) {
      res.status(422).send(passwordPage({ account, csrfToken: csrfToken(req), problem }))
      return
    }
    accounts.setPassword(account, wanted)
    // A person who knew the old password may be signed in somewhere, and may have copied the cookie of this very device.
    const ended = await sessions.users.deleteAll(account.id, { except: req.session.handle })
    req.session.regenerateId()
    renewCsrfToken(req)
    req.session.flash('notice', `Your password is changed. ${countDevices(ended)} signed out.`)
    res.redirect(303, '/')
  })

  return router
}

async function findProblem(
  accounts: Accounts,
  email: string,
  current: string,
  wanted: string,
): Promise<PasswordProblem | undefined> {
  if (Array.from(wanted).length < shortestPassword) return { field: 'wanted', text: 'That is too short.' }
  if ((await accounts.check(email, current)) === undefined) {
    return { field: 'current', text: 'That is not your current password.' }
  }
  if (wanted === current) return { field: 'wanted', text: 'That is the password you have now.' }
  return undefined
}
