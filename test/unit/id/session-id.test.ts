import { handleNamedBy, handleOfId, hashId, isHandle, mintId, mintIdFor, sameHash } from '../../../lib/id/session-id'

test('an id is a handle of 12 bytes and a secret, in base64url', () => {
  for (let bytes = 16; bytes <= 256; bytes += 8) {
    const id = mintId(bytes)
    expect(Buffer.from(id, 'base64url')).toHaveLength(12 + bytes)
    const handle = handleOfId(id)
    expect(handle).toBe(id.slice(0, 16))
    const next = mintIdFor(handle ?? '', bytes)
    expect(next).toHaveLength(id.length)
    expect([handleOfId(next), next === id]).toEqual([handle, false])
  }
})

test('a thousand ids are all different', () => {
  expect(new Set(Array.from({ length: 1000 }, () => mintId(16))).size).toBe(1000)
})

test('only the canonical spelling is an id', () => {
  for (const bytes of [16, 17, 18, 24]) {
    const id = mintId(bytes)
    const wrong = [
      `${id}=`,
      `${id}==`,
      ` ${id}`,
      `${id}\n`,
      id.replace(/.$/, '+'),
      id.replace(/.$/, 'é'),
      id.replace(/^./, '/'),
      '',
    ]
    for (const text of wrong) expect(handleOfId(text)).toBeUndefined()
    // Other last characters that decode to the same bytes are other spellings of the same id.
    const bits = id.length % 4
    if (bits === 0) continue
    const bytesOf = Buffer.from(id, 'base64url').toString('hex')
    const twins = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      .split('')
      .map((last) => id.slice(0, -1) + last)
      .filter((twin) => twin !== id && Buffer.from(twin, 'base64url').toString('hex') === bytesOf)
    expect(twins.length).toBe(bits === 2 ? 15 : 3)
    for (const twin of twins) expect(handleOfId(twin)).toBeUndefined()
  }
  for (const length of [0, 1, 16, 37, 41, 16 + 343, 4096]) expect(handleOfId('A'.repeat(length))).toBeUndefined()
})

test('the hash is bound to the handle, and compared whole', () => {
  const secret = mintId(24).slice(16)
  expect(hashId(`${'A'.repeat(16)}${secret}`)).not.toBe(hashId(`${'B'.repeat(16)}${secret}`))
  const hash = hashId(secret)
  expect([
    sameHash(hash, hash),
    sameHash(hash, hash.slice(1)),
    sameHash(hash, hash.replace(/.$/, '_')),
    sameHash('', hash),
  ]).toEqual([true, false, false, false])
})

test('texts of another length than a hash are compared whole', () => {
  const [long, short] = ['A'.repeat(50), 'A'.repeat(42)]
  // These leave bytes behind where two hashes are compared.
  expect(sameHash(hashId('one'), hashId('another'))).toBe(false)
  expect([sameHash(short, short), sameHash(short, short.replace(/.$/, 'B'))]).toEqual([true, false])
  expect([sameHash(long, long), sameHash(long, long.replace(/.$/, 'B'))]).toEqual([true, false])
})

test('the hash is SHA-256, also where Node has no crypto.hash yet', () => {
  const expected = 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0'
  expect(hashId('abc')).toBe(expected)
  jest.isolateModules(() => {
    jest.doMock('node:crypto', () => ({ ...jest.requireActual<object>('node:crypto'), hash: undefined }))
    const older = jest.requireActual<
      Record<'hashId' | 'handleOfId', (text: string) => string> & { mintId: typeof mintId }
    >('../../../lib/id/session-id')
    expect(older.hashId('abc')).toBe(expected)
    const id = older.mintId(24)
    expect([id.length, older.handleOfId(id), older.handleOfId(`${id.slice(0, -1)}+`)]).toEqual([
      48,
      id.slice(0, 16),
      undefined,
    ])
    expect(['A'.repeat(37), 'A'.repeat(362)].map((text) => older.handleOfId(text))).toEqual([undefined, undefined])
    expect(older.handleOfId(`+${id.slice(1)}`)).toBeUndefined()
    expect(older.handleOfId(older.mintId(17))).toBeDefined()
    expect(older.handleOfId(`${older.mintId(17).slice(0, -1)}B`)).toBeUndefined()
  })
  jest.dontMock('node:crypto')
})

test('every text has a handle, an id its own', () => {
  const id = mintId(24)
  expect(handleNamedBy(id)).toBe(id.slice(0, 16))
  expect(isHandle(handleNamedBy('whatever'))).toBe(true)
  expect(isHandle(id)).toBe(false)
})
