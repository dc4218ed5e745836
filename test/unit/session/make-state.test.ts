import { freshState, openedState } from '../../../lib/session/make-state'
import type { SessionState } from '../../../lib/session/session-state'

const setting = { now: 150, ttl: 100, secretBytes: 24 }
const record = { hash: 'h', epoch: 0, createdAt: 100, issuedAt: 100, accessedAt: 100, expiresAt: 200 }
const id = 'A'.repeat(48)
const tooLarge = expect.objectContaining({ code: 'SESSION_TOO_LARGE' })

function opened(fields: Record<string, string>, maxBytes?: number): SessionState {
  const stored = { record, fields: new Map(Object.entries(fields)) }
  return openedState({ ...setting, maxBytes }, { id, openedAs: 'current', stored })
}

describe('a session that was never stored', () => {
  test('is empty, and has no record', () => {
    for (const state of [freshState(setting), freshState(setting, {})]) {
      expect([state.record, state.values.size, state.flash.size, state.dirty]).toEqual([undefined, 0, 0, false])
      expect(state.openedAs).toBe('current')
    }
  })

  test('has the id, the values and the messages that it was given', () => {
    const state = freshState(setting, { id: 'given', values: { a: 1 }, flash: { b: 2 } })
    expect([state.id, state.values.get('a'), state.flash.get('b')]).toEqual(['given', 1, 2])
  })

  test('counts the values that it was given', () => {
    const state = freshState({ ...setting, maxBytes: 40 }, { values: { a: 'x'.repeat(30) } })
    expect(() => state.setValue('b', '12345')).toThrow(tooLarge)
    state.setValue('b', '1234')
  })
})

test('a session that was never stored is not let shrink to a size above the limit', () => {
  const state = freshState({ ...setting, maxBytes: 20 }, { values: { a: 'x'.repeat(30) } })
  expect(() => state.setValue('a', 'x'.repeat(25))).toThrow(tooLarge)
  state.setValue('a', 'x'.repeat(17))
})

describe('a session that was opened', () => {
  test('has the values and the messages of its fields, and leaves other fields alone', () => {
    const state = opened({ 'v:a': '1', 'f:0:b': '2', 'w:c': '3' })
    expect([state.values.keys(), [...state.flash.keys()]]).toEqual([['a'], ['b']])
    expect(state.changes()).toEqual({ set: new Map(), remove: ['f:0:b'] })
  })

  test('is opened as it was found, with what a save has to confirm', () => {
    const stored = { record, fields: new Map<string, string>() }
    const confirm = { hash: 'h', issuedAt: 100 }
    const state = openedState(setting, { id, openedAs: 'pending', stored }, confirm)
    expect([state.id, state.openedAs, state.record, state.confirm]).toEqual([id, 'pending', record, confirm])
  })

  test('counts its fields', () => {
    const state = opened({ 'v:a': JSON.stringify('x'.repeat(30)) }, 40)
    expect(() => state.setValue('b', '12345')).toThrow(tooLarge)
    state.setValue('b', '1234')
  })
})
