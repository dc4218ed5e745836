import { createHash, hash, timingSafeEqual } from 'node:crypto'
import { RandomPool } from './random-pool'

/**
 * An id is `handle + secret`, both base64url without padding. The handle names the session: it is the record's key, and
 * safe to log or to show. The secret proves ownership: the store keeps only a hash of the whole id, so a new id for the
 * same session is a new hash in the same record.
 */
const handleBytes = 12
export const handleLength = 16

/** Random bytes in the secret part, unless the app asks for more or fewer: 192 bits, three times what OWASP asks for. */
export const defaultSecretBytes = 24
/** 128 bits: the entropy that OWASP's session management guide and NIST SP 800-63B ask for, with nothing to spare. */
export const minSecretBytes = 16
/** Keeps an id well below the 4096 bytes that a browser gives a cookie (RFC 6265bis section 5.6). */
export const maxSecretBytes = 256

const shortestId = handleLength + textLength(minSecretBytes)
const longestId = handleLength + textLength(maxSecretBytes)
const base64url = /^[A-Za-z0-9_-]+$/
/** Node 20.12 and later: 1.0 µs a hash instead of 1.8. */
const oneShot = hash as typeof hash | undefined
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const pool = new RandomPool()

function textLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3)
}

/** A new id under a new handle. */
export function mintId(secretBytes: number): string {
  return pool.take(handleBytes + secretBytes)
}

/** A new id for the session that `handle` names: the same record, another secret. */
export function mintIdFor(handle: string, secretBytes: number): string {
  return handle + pool.take(secretBytes)
}

/**
 * The handle of an id, or undefined when the text is not an id in its one canonical spelling: wrong length, a character
 * outside base64url, or bits set in the last character that decode to nothing (two spellings of one id would be two
 * hashes of it).
 */
export function handleOfId(id: string): string | undefined {
  if (id.length < shortestId || id.length > longestId || !base64url.test(id)) return undefined
  const tail = id.length % 4
  if (tail === 1) return undefined
  if (tail !== 0 && alphabet.indexOf(id.charAt(id.length - 1)) % (tail === 2 ? 16 : 4) !== 0) return undefined
  return id.slice(0, handleLength)
}

/** Whether the text can be a handle: what `mintId` puts in front of an id. */
export function isHandle(text: string): boolean {
  return text.length === handleLength && base64url.test(text)
}

/** The handle of any text that was given as an id: its own for a canonical id, one derived from it otherwise. */
export function handleNamedBy(id: string): string {
  return handleOfId(id) ?? hashId(id).slice(0, handleLength)
}

/**
 * SHA-256 of a whole id, in base64url. The handle is part of what is hashed, so a hash copied into another record opens
 * nothing there. No slow hash and no salt: the secret has at least 128 random bits, there is nothing to guess.
 */
export function hashId(id: string): string {
  return digestOf('sha256', id)
}

/** In base64url. */
export function digestOf(algorithm: 'sha256' | 'sha512', text: string): string {
  return oneShot === undefined
    ? createHash(algorithm).update(text).digest('base64url')
    : oneShot(algorithm, text, 'base64url')
}

const oneHash = Buffer.alloc(43)
const otherHash = Buffer.alloc(43)

/** Compares two hashes in a time that does not depend on where they differ. */
export function sameHash(one: string, other: string): boolean {
  if (one.length !== other.length) return false
  if (one.length !== oneHash.length) return timingSafeEqual(Buffer.from(one), Buffer.from(other))
  // In place of two new buffers for each request.
  oneHash.write(one, 'latin1')
  otherHash.write(other, 'latin1')
  return timingSafeEqual(oneHash, otherHash)
}
