import { createHmac, createSecretKey, KeyObject, timingSafeEqual } from 'node:crypto'

/** What `crypto.createHmac` takes. */
export type Secret = string | NodeJS.ArrayBufferView | KeyObject

/** An HMAC-SHA-256 in base64 without padding. */
const signatureLength = 43
const signatureForm = /^[A-Za-z0-9+/]{43}$/

const given = Buffer.alloc(signatureLength)
const expected = Buffer.alloc(signatureLength)

/** Whether a value can sign: an HMAC takes an empty key too, whose signatures every client can make. */
export function isSecret(value: unknown): value is Secret {
  if (typeof value === 'string') return value !== ''
  if (ArrayBuffer.isView(value)) return value.byteLength > 0
  return value instanceof KeyObject && (value.symmetricKeySize ?? 0) > 0
}

/** The secret as a key, which Node need not make anew for each signature. */
export function keyOf(secret: Secret): KeyObject {
  if (secret instanceof KeyObject) return secret
  return typeof secret === 'string' ? createSecretKey(secret, 'utf8') : createSecretKey(secret)
}

/** `<id>.<signature>`, as cookie-signature makes it. */
export function signId(id: string, secret: Secret): string {
  return `${id}.${signatureOf(id, secret)}`
}

/** The id in what one of the secrets has signed: what cookie-signature accepts, in one comparison that takes the same time
 * wherever the two differ. */
export function verifyId(signed: string, secrets: readonly Secret[]): string | undefined {
  const dot = signed.lastIndexOf('.')
  const signature = signed.slice(dot + 1)
  // The form comes first: an HMAC for each of a hundred malformed cookies would be work done for an attacker.
  if (dot === -1 || !signatureForm.test(signature)) return undefined
  const id = signed.slice(0, dot)
  for (const secret of secrets) {
    given.write(signature, 'latin1')
    expected.write(signatureOf(id, secret), 'latin1')
    if (timingSafeEqual(given, expected)) return id
  }
  return undefined
}

function signatureOf(id: string, secret: Secret): string {
  return createHmac('sha256', secret).update(id).digest('base64').slice(0, signatureLength)
}
