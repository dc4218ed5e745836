import type { IncomingMessage } from 'node:http'
import type { Request, Response } from 'express'
import { logout } from 'holdfast'

declare module 'holdfast' {
  interface SessionFlash {
    notice: string
  }
}

/**
 * Ends the session, and shows the notice on the page at `path`: the session after a logout is a new one, so it can keep it.
 *
 * @example app.post('/sign-out', signOut('/sign-in', 'You are signed out.'))
 */
export function signOut(path: string, notice: string) {
  return function signOut(req: Pick<Request, 'session'> & IncomingMessage, res: Response): void {
    logout(req)
    req.session.flash('notice', notice)
    res.redirect(303, path)
  }
}
