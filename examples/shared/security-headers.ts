import helmet from 'helmet'

const directives = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
}

/** No scripts, nothing from other origins, in no frame. */
export const securityHeaders = securityHeadersWith({})

/** As `securityHeaders`, with more allowed: a page's own script, for example. */
export function securityHeadersWith(more: Readonly<Record<string, readonly string[]>>): ReturnType<typeof helmet> {
  return helmet({ contentSecurityPolicy: { useDefaults: false, directives: { ...directives, ...more } } })
}
