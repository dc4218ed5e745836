import type { NextFunction, Request, Response } from 'express'

type WithSession = Pick<Request, 'session'>

/**
 * Lets a request pass when its session is logged in. Otherwise a browser is sent to `signInPath`; without a path, as for
 * an API, the response is 401.
 *
 * @param isLoggedIn What "logged in" means where a subject is not enough, as when the account may have been removed.
 * @example app.get('/account', requireLogin('/sign-in'), showAccount)
 */
export function requireLogin<R extends WithSession = WithSession>(
  signInPath?: string,
  isLoggedIn: (req: R) => boolean = hasSubject,
) {
  return function requireLogin(req: R, res: Response, next: NextFunction): void {
    if (isLoggedIn(req)) next()
    else if (signInPath !== undefined) res.redirect(303, signInPath)
    else res.status(401).json({ error: 'LOGIN_REQUIRED' })
  }
}

function hasSubject({ session }: WithSession): boolean {
  return session.subject !== undefined
}
