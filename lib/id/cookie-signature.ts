import { type Secret, signId as sign, verifyId } from './hmac-signature'
import { handleOfId } from './session-id'

const prefix = 's%3A'
/** An HMAC-SHA-256 in base64 without padding, as `encodeURIComponent` writes it. */
const encodedSignature = /^(?:[A-Za-z0-9]|%2B|%2F){43}$/

/**
 * The value of a cookie that holds a signed id: `s:<id>.<signature>`, percent-encoded, which is what cookie-parser reads
 * and express-session writes.
 */
export function signId(id: string, secret: Secret): string {
  return encodeURIComponent(`s:${sign(id, secret)}`)
}

/**
 * The id in a value that one of the secrets has signed, or undefined. Only the spelling that {@link signId} writes is
 * accepted: a second spelling of the same id would pass a filter, or a log, that knows the first.
 */
export function verifySignedId(value: string, secrets: readonly Secret[]): string | undefined {
  if (!value.startsWith(prefix)) return undefined
  const dot = value.indexOf('.', prefix.length)
  if (dot === -1) return undefined
  const id = value.slice(prefix.length, dot)
  const encoded = value.slice(dot + 1)
  // The form comes first, because an HMAC for each of a hundred malformed cookies would be work done for an attacker.
  if (handleOfId(id) === undefined || !encodedSignature.test(encoded)) return undefined
  return verifyId(`${id}.${encoded.replaceAll('%2B', '+').replaceAll('%2F', '/')}`, secrets)
}
