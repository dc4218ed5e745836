import type { NextFunction, Request, Response } from 'express'

/**
 * Lets a request pass when its session is logged in. Otherwise a browser is sent to `signInPath`; without a path, as for
 * an API, the response is 401.
 *
 * @example app.get('/account', requireLogin('/sign-in'), showAccount)
 */
export function requireLogin(signInPath?: string) {
  return function requireLogin(req: Pick<Request, 'session'>, res: Response, next: NextFunction): void {
    if (req.session.subject !== undefined) next()
    else if (signInPath !== undefined) res.redirect(303, signInPath)
    else res.status(401).json({ error: 'LOGIN_REQUIRED' })
  }
}
