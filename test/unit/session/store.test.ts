import { meetsConditions } from '../../../lib/session/store'

const record = { hash: 'h', epoch: 0, createdAt: 100, issuedAt: 100, accessedAt: 100, expiresAt: 200, subject: 'ann' }

test.each([
  [undefined, true],
  [{}, true],
  [{ subject: 'ann' }, true],
  [{ subject: 'bob' }, false],
  [{ createdAt: 100 }, true],
  [{ createdAt: 101 }, false],
  [{ hash: 'h' }, true],
  [{ hash: 'other' }, false],
  [{ subject: 'ann', createdAt: 100, hash: 'h' }, true],
  [{ subject: 'bob', createdAt: 100, hash: 'h' }, false],
  [{ subject: 'ann', createdAt: 101, hash: 'h' }, false],
  [{ subject: 'ann', createdAt: 100, hash: 'other' }, false],
])('a record meets the conditions %j: %p', (conditions, expected) => {
  expect(meetsConditions(record, conditions)).toBe(expected)
})
