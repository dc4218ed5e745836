import { freshState, openedState } from '../../../lib/session/make-state'
import type { SessionState } from '../../../lib/session/session-state'

const setting = { now: 150, ttl: 100, secretBytes: 24 }
const record = { hash: 'h', epoch: 0, createdAt: 100, issuedAt: 100, accessedAt: 100, expiresAt: 200 }
const id = 'A'.repeat(48)
const context = { ip: '192.0.2.1' }

const fresh = () => freshState(setting)
function opened(fields: Record<string, string> = {}, subject?: string): SessionState {
  const stored = { record: { ...record, subject }, fields: new Map(Object.entries(fields)) }
  return openedState(setting, { id, openedAs: 'current', stored })
}

test('a session state has no field that another room could write', () => {
  const fields = ['values', 'flash', 'setting']
  for (const state of [fresh(), opened()]) expect(Object.keys(state)).toEqual(fields)
})

describe('a login', () => {
  test('is the new id, the subject and the lifetime of the next save', () => {
    const state = opened({}, undefined)
    state.logIn({ subject: 'ann', context, ttl: 10 })
    expect([state.newId, state.subject, state.createdAt, state.expiresAt]).toEqual(['login', 'ann', 150, 160])
    expect([state.id === id, state.handle === id.slice(0, 16), state.deleteId]).toEqual([false, true, id])
  })

  test('keeps the subject that the session has when it names none', () => {
    const state = opened({}, 'ann')
    state.logIn({ subject: undefined, context, ttl: 10 })
    expect([state.login, state.subject]).toEqual([{ subject: 'ann', context, ttl: 10 }, 'ann'])
  })

  test('is over when its id was issued', () => {
    const state = opened()
    state.logIn({ subject: 'ann', context, ttl: 10 })
    const issued = state.id
    state.markIssued()
    expect([state.newId, state.login, state.id]).toEqual(['none', undefined, issued])
  })

  test('leaves the client its id when the new one cannot be sent', () => {
    const state = opened()
    state.logIn({ subject: 'ann', context, ttl: 10 })
    state.abandonNewId()
    expect([state.newId, state.subject, state.id]).toEqual(['none', undefined, id])
  })
})

describe('a save has nothing to do any more', () => {
  const ends: [string, (state: SessionState) => void, boolean][] = [
    ['was deleted', (state) => state.markDeleted(), false],
    ['could not be deleted, because there was a login on another id', (state) => state.markDeleteRefused(), true],
    ["is not the store's any more", (state) => state.discard(), false],
  ]
  test.each(ends)('when the session %s', (_, end, isRefused) => {
    const state = opened({ 'v:a': '1' })
    state.setValue('a', 2)
    expect([state.isOver, state.dirty]).toEqual([false, true])
    end(state)
    expect([state.isOver, state.dirty, state.isDeleteRefused]).toEqual([true, false, isRefused])
  })
})

describe('a session has only flash messages to store', () => {
  const states: [string, boolean, () => SessionState][] = [
    ['it is new, and a message was left', true, () => withFlash(fresh())],
    ['a value was set too', false, () => withFlash(withValue(fresh()))],
    ['it has a record', false, () => withFlash(opened())],
    ['it was destroyed', false, () => destroyed(withFlash(fresh()))],
    ['it is to get a new id', false, () => renamed(withFlash(fresh()))],
  ]
  test.each(states)('when %s: %p', (_, expected, make) => {
    expect(make().hasOnlyFlash).toBe(expected)
  })
})

function withFlash(state: SessionState): SessionState {
  state.putFlash('notice', 'Bye')
  return state
}

function withValue(state: SessionState): SessionState {
  state.setValue('a', 1)
  return state
}

function destroyed(state: SessionState): SessionState {
  state.destroy()
  return state
}

function renamed(state: SessionState): SessionState {
  state.replaceId()
  return state
}
