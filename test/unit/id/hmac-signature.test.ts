import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { sign, unsign } from 'cookie-signature'
import { isSecret, keyOf, type Secret, signId, verifyId } from '../../../lib/id/hmac-signature'

const secrets: readonly (readonly [string, Secret])[] = [
  ['text', 'keyboard cat, ü and \u{1F431}'],
  ['a Buffer', Buffer.from([0, 1, 254, 255])],
  ['a key', createSecretKey(Buffer.from('keyboard cat'))],
]
const ids = ['abc', 'a.b.c', '', 'ü\u{1F431}', 'x'.repeat(70)]

describe.each(secrets)('with %s as the secret', (_name, secret) => {
  test.each(ids)('an id is signed as cookie-signature signs it: %j', (id) => {
    expect(signId(id, keyOf(secret))).toBe(sign(id, secret as string))
  })

  test.each(ids)('the id that cookie-signature has signed is found, also by the second of two secrets: %j', (id) => {
    const signed = sign(id, secret)
    expect(verifyId(signed, [keyOf(secret)])).toBe(id)
    expect(verifyId(signed, [keyOf('another'), keyOf(secret)])).toBe(id)
    expect(verifyId(signed, [keyOf('another')])).toBeUndefined()
  })
})

test('nothing is found in what cookie-signature refuses', () => {
  const secret = 'keyboard cat'
  const signed = sign('abc', secret)
  const [, signature = ''] = signed.split('.')
  const spelt = `abc.${String.fromCharCode(signature.charCodeAt(0) + 0x100)}${signature.slice(1)}`
  const refused = [
    ...['', '.', 'abc', 'abc.', `abd.${signature}`, `ab.c${signature}`, spelt],
    ...[`${signed}=`, `${signed}A`, signed.slice(0, -1), `${signed}\n`, ` ${signed}`, signed.toUpperCase()],
    ...Array.from(signature, (_, at) => `abc.${signature.slice(0, at)}-${signature.slice(at + 1)}`),
  ]
  for (const value of refused) {
    expect(unsign(value, secret)).toBe(false)
    expect(verifyId(value, [keyOf(secret)])).toBeUndefined()
  }
})

test('a secret is a text, bytes or a key that is not empty', () => {
  for (const [, secret] of secrets) expect(isSecret(secret)).toBe(true)
  expect([isSecret(new DataView(new ArrayBuffer(1))), isSecret('x')]).toEqual([true, true])
  const { publicKey } = generateKeyPairSync('ed25519')
  for (const none of [
    '',
    Buffer.alloc(0),
    new ArrayBuffer(8),
    publicKey,
    undefined,
    null,
    1,
    {},
    { symmetricKeySize: 1 },
  ]) {
    expect(isSecret(none)).toBe(false)
  }
})

test('the key of a secret is made once, of a text from its UTF-8', () => {
  const key = createSecretKey(Buffer.from('ü'))
  expect(keyOf(key)).toBe(key)
  for (const secret of ['ü', Buffer.from('ü')]) expect(keyOf(secret).export()).toEqual(Buffer.from('ü'))
})
