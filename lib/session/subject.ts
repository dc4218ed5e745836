import { SessionError } from '../base/errors'
import { describe } from '../base/option-check'
import { serializeValue } from './json-value'
import type { UserSessionOperationContext } from './session-shape'

/** Any non-empty string names a subject: `a`, `a:b`, `a*`, `__proto__`. */
export function checkSubject(subject: unknown): asserts subject is string {
  if (typeof subject === 'string' && subject !== '') return
  throw new SessionError('INVALID_ARGUMENT', `subject is ${describe(subject)}; it accepts a string that is not empty`)
}

/**
 * A context of the caller's, as a record keeps it: a copy of its `ip`, `device` and `location`, with nothing in it that
 * JSON cannot carry. No `ip` is the empty string: a request whose client has disconnected has none, and that is no mistake.
 */
export function copyContext(context: unknown): UserSessionOperationContext {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    throw new SessionError('INVALID_ARGUMENT', `context is ${describe(context)}; it accepts { ip, device?, location? }`)
  }
  const { ip, device, location } = context as { ip?: unknown; device?: unknown; location?: unknown }
  if (ip != null && typeof ip !== 'string') {
    throw new SessionError('INVALID_ARGUMENT', `context.ip is ${describe(ip)}; it accepts a string, as req.ip is`)
  }
  const given = { ip: ip ?? '', ...(device != null && { device }), ...(location != null && { location }) }
  return JSON.parse(serializeValue('context', given)) as UserSessionOperationContext
}
