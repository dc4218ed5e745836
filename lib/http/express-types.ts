import type { IncomingMessage } from 'node:http'
import type { Session } from '../session/session'

/**
 * A request after the middleware, for handlers that are not Express' own: `node:http`, Connect and the like. Express'
 * request types have `session` by themselves as soon as `holdfast` is imported anywhere in the program.
 *
 * @example
 * createServer((req, res) => {
 *   sessions(req, res, () => {
 *     const { session } = req as RequestWithSession
 *   })
 * })
 */
export interface RequestWithSession extends IncomingMessage {
  session: Session
}

/**
 * What Express' requests inherit. Inherited, not declared in place: a program that also holds `@types/express-session`
 * (connect-redis brings it) declares `session` there directly, and two direct declarations are TS2717, while a direct one
 * merely has to fit an inherited one. Beside express-session, which `sessionStore` reveals, that is `any`; in handlers
 * the second declaration below puts our type back in front.
 *
 * `@types/cookie-session` lets Express' requests inherit an optional `session`; two inherited ones that differ are TS2320,
 * so beside it nothing is inherited from here.
 */
export type InheritedSession = Omit<OwnSession, keyof CookieSessionInterfaces.CookieSessionRequest>

interface OwnSession {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever express-session declares fits it
  session: Express.Request extends { sessionStore: unknown } ? any : Session
}

/* eslint-disable @typescript-eslint/no-namespace, @typescript-eslint/no-empty-object-type -- the two namespaces are where
   Express' types, and those of cookie-session, are open to others; nothing is added to the second, it only has to exist */
declare global {
  namespace CookieSessionInterfaces {
    interface CookieSessionRequest {}
  }
  namespace Express {
    interface Request extends InheritedSession {}
  }
}
/* eslint-enable */

// Only Express' own handler types are declared in this module. A program without Express does not have it, and an
// augmentation of a module that is not there is an error also in a declaration file, unless it is ignored.
/* eslint-disable-next-line @typescript-eslint/ban-ts-comment -- as an "expected" error it would be one beside Express */
/** @ts-ignore: a program may have no Express */
declare module 'express-serve-static-core' {
  interface Request {
    session: Session & Express.Request['session']
  }
}
