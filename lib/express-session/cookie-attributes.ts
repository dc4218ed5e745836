import type { IncomingMessage } from 'node:http'
import { warnOnce } from '../base/warnings'
import type { CookieData } from './cookie'

/** The option `cookie` of one request. */
export type CookieAttributes = Partial<CookieData> & { maxAge?: number | undefined }

/** The option `cookie`, an object or a function, as a function. What browsers refuse is warned of once. */
export function resolveCookie(given: unknown, name: string): (req: IncomingMessage) => CookieAttributes {
  if (typeof given === 'function') {
    const make = given as (req: IncomingMessage) => CookieAttributes | undefined
    return (req) => {
      const attributes = make(req) ?? {}
      warnOfAttributes(attributes, name)
      return attributes
    }
  }
  const attributes = (given ?? {}) as CookieAttributes
  warnOfAttributes(attributes, name)
  return () => attributes
}

function warnOfAttributes({ sameSite, secure, domain, path = '/' }: CookieAttributes, name: string): void {
  if (sameSite === 'none' && secure !== true && secure !== 'auto') {
    warnOnce('HOLDFAST_SAME_SITE_NONE')
  }
  if (/^__host-/i.test(name) && (domain !== undefined || path !== '/' || secure === false)) {
    warnOnce('HOLDFAST_HOST_PREFIX')
  }
}
