import type { Request, RequestHandler, Response } from 'express'
import type { Account, Accounts } from './accounts'

/** A handler for those who are signed in; everybody else is sent to the sign-in page. */
export function whenSignedIn(
  accounts: Accounts,
  handle: (req: Request, res: Response, account: Account) => void | Promise<void>,
): RequestHandler {
  return async function signedIn(req, res) {
    const account = accounts.find(req.session.subject)
    if (account === undefined) res.redirect(303, '/sign-in')
    else await handle(req, res, account)
  }
}
