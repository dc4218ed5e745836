import type { RequestHandler } from 'express'

/** CORS for one page: it may send the cookie, and read the responses. No other page gets any of these headers. */
export function allowPage(pageOrigin: string): RequestHandler {
  return function allowPage(req, res, next) {
    res.vary('Origin')
    if (req.get('origin') === pageOrigin) {
      res.set({ 'Access-Control-Allow-Origin': pageOrigin, 'Access-Control-Allow-Credentials': 'true' })
      res.set('Access-Control-Expose-Headers', 'Retry-After')
    }
    if (req.method !== 'OPTIONS') {
      next()
      return
    }
    res.set({ 'Access-Control-Allow-Methods': 'GET,POST,DELETE', 'Access-Control-Allow-Headers': 'Content-Type' })
    res.set('Access-Control-Max-Age', '600').sendStatus(204)
  }
}

/**
 * CSRF protection. A browser names the page's origin with each request that is not a GET or HEAD, and no page can forge it.
 * The cookie's `SameSite=Lax` alone would let pages of neighbouring subdomains and ports through, and forged sign-ins.
 */
export function refuseOtherPages(pageOrigin: string): RequestHandler {
  return function refuseOtherPages(req, res, next) {
    if (['GET', 'HEAD'].includes(req.method) || req.get('origin') === pageOrigin) next()
    else res.status(403).json({ error: 'OTHER_ORIGIN' })
  }
}
