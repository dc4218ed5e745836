import type { Request } from 'express'
import { requireLogin } from '../shared/require-login'
import type { Account, Accounts } from './accounts'

/** The guard of the pages that belong to an account. A session whose account does not exist any more is sent to the form too. */
export function requireAccount(accounts: Accounts): ReturnType<typeof requireLogin> {
  return requireLogin('/sign-in', ({ session }) => accounts.find(session.subject) !== undefined)
}

/** The account of a request that `requireAccount` let pass. */
export function accountOf(accounts: Accounts, { session }: Pick<Request, 'session'>): Account {
  const account = accounts.find(session.subject)
  if (account === undefined) throw new Error('this route needs requireAccount')
  return account
}
