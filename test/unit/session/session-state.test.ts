import { handleOfId } from '../../../lib/id/session-id'
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
    expect(state.issuedId).not.toBe(issued)
    state.markIssued(issued, issued)
    expect([state.newId, state.login, state.id, state.issuedId]).toEqual(['none', undefined, issued, issued])
  })

  test('leaves the client its id when the new one cannot be sent', () => {
    const state = opened()
    state.logIn({ subject: 'ann', context, ttl: 10 })
    state.abandonNewId()
    expect([state.newId, state.subject, state.id]).toEqual(['none', undefined, id])
  })
})

describe('the id', () => {
  test('of a new session is minted once, with the secret that was asked for', () => {
    const state = fresh()
    const { id: minted } = state
    expect([state.id, handleOfId(minted), Buffer.from(minted, 'base64url').length]).toEqual([minted, state.handle, 36])
    expect(Buffer.from(freshState({ ...setting, secretBytes: 32 }).id, 'base64url')).toHaveLength(44)
  })

  test('is replaced by one under the same handle where there is a record, and by any other where there is none', () => {
    const state = opened()
    state.replaceId()
    expect([state.newId, state.id === id, state.handle, handleOfId(state.id)]).toEqual([
      'regenerate',
      false,
      id.slice(0, 16),
      id.slice(0, 16),
    ])
    const visitor = fresh()
    const { id: first, handle } = visitor
    visitor.replaceId()
    visitor.markFirstIdDeleted()
    expect([visitor.deleteId, visitor.id === first, visitor.handle === handle]).toEqual([first, false, false])
    expect(Buffer.from(visitor.id, 'base64url')).toHaveLength(36)
  })

  test('that a renewal would give has the same handle', () => {
    const state = opened()
    const next = state.mintNextId()
    expect([handleOfId(next), next === state.id, state.id]).toEqual([id.slice(0, 16), false, id])
    expect(Buffer.from(next, 'base64url')).toHaveLength(36)
  })

  test('that was issued is the one that the client has next', () => {
    const state = opened()
    state.markRenewedElsewhere()
    expect(state.openedAs).toBe('previous')
    const next = state.mintNextId()
    state.markIssued(next, state.id)
    expect([state.id, state.openedAs, state.newId, state.dirty]).toEqual([next, 'current', 'none', false])
  })

  test('that the app asked for while another one was issued waits for the next save', () => {
    const state = opened()
    state.replaceId()
    const { id: asked } = state
    state.logIn({ subject: 'ann', context, ttl: 10 })
    const { id: next } = state
    state.markIssued(asked, asked)
    expect([state.id, state.issuedId, state.newId, state.subject]).toEqual([next, asked, 'login', 'ann'])
    state.abandonNewId()
    expect([state.id, state.newId, state.subject]).toEqual([asked, 'none', undefined])
  })

  test('that was minted while a new session was stored is minted anew, for the handle of that', () => {
    const state = fresh()
    const { id: asked } = state
    state.replaceId()
    const { id: before } = state
    state.markIssued(asked, asked)
    expect([state.id === before, state.id === asked, state.newId]).toEqual([false, false, 'regenerate'])
    expect(state.handle).toBe(handleOfId(asked))
  })

  test('of a new session stays when it could not be sent', () => {
    const state = fresh()
    state.replaceId()
    const { id: minted } = state
    state.abandonNewId()
    expect([state.id, state.newId]).toEqual([minted, 'none'])
  })

  test('that was given is replaced before a save, and one that was minted is not', () => {
    const given = [freshState(setting, { id: 'mine' }), freshState(setting, { id }), opened()]
    for (const state of given) {
      const { id: before } = state
      state.mintUnlessMinted()
      expect([state.id === before, handleOfId(state.id) === undefined]).toEqual([false, false])
      expect(Buffer.from(state.id, 'base64url')).toHaveLength(36)
      const { id: minted } = state
      state.mintUnlessMinted()
      expect(state.id).toBe(minted)
    }
    const state = fresh()
    const { id: minted } = state
    state.mintUnlessMinted()
    expect(state.id).toBe(minted)
    const replaced = opened()
    replaced.replaceId()
    const { id: next } = replaced
    replaced.mintUnlessMinted()
    expect(replaced.id).toBe(next)
    const odd = opened()
    odd.markIssued('odd', odd.id)
    odd.mintUnlessMinted()
    expect(handleOfId(odd.id)).toBeDefined()
    const issued = opened()
    issued.markIssued(id, issued.id)
    issued.mintUnlessMinted()
    expect(issued.id).toBe(id)
  })
})

describe('a lifetime', () => {
  test('of a new session begins now', () => {
    expect([fresh().createdAt, fresh().expiresAt]).toEqual([150, 250])
  })

  test('of a stored session is the one of its record', () => {
    const state = opened()
    expect([state.createdAt, state.expiresAt]).toEqual([100, 200])
  })
})

describe('a session without its record', () => {
  test('is stored whole when it is new', () => {
    const state = freshState(setting, { values: { a: 1, b: 2 } })
    state.setValue('b', 3)
    state.putFlash('n', 'x')
    const { set, remove } = state.fieldsToInsert()
    expect([set.get('v:a'), set.get('v:b'), set.size, remove]).toEqual(['1', '3', 3, []])
  })

  test('keeps what this request did alone where a login outlived the record', () => {
    const state = opened({ 'v:a': '1', 'v:b': '2' }, 'ann')
    state.setValue('b', 3)
    state.forgetRecord()
    expect(state.fieldsToInsert()).toEqual({ set: new Map([['v:b', '3']]), remove: [] })
    expect([state.record, state.subject, state.handle === id.slice(0, 16)]).toEqual([undefined, undefined, false])
    const { id: minted } = state
    expect(Buffer.from(minted, 'base64url')).toHaveLength(36)
    state.mintUnlessMinted()
    expect(state.id).toBe(minted)
  })

  test('has one after a save', () => {
    const state = fresh()
    state.setValue('a', 1)
    state.settle({ ...record, subject: 'ann' }, state.changes())
    expect([state.record?.hash, state.subject, state.createdAt, state.dirty]).toEqual(['h', 'ann', 100, false])
  })
})

describe('a session is dirty', () => {
  const states: [string, boolean, () => SessionState][] = [
    ['nothing was done', false, () => opened({ 'v:a': '1' })],
    ['a value was set', true, () => withValue(opened())],
    ['a message was left', true, () => withFlash(opened())],
    ['a message is to be cleared', true, () => opened({ 'f:0:n': '1' })],
    ['a message without a value is to be cleared', true, () => opened({ 'f:0:n': 'null' })],
    ['it was destroyed', true, () => destroyed(opened())],
    ['it is to get a new id', true, () => renamed(opened())],
  ]
  test.each(states)('when %s: %p', (_, expected, make) => {
    expect([make().dirty, make().mayBeDirty]).toEqual([expected, expected])
  })

  test('perhaps, when it holds what JSON cannot carry', () => {
    const state = opened({ 'v:a': '[]' })
    ;(state.values.get('a') as unknown[]).push(1n)
    expect(() => state.dirty).toThrow(expect.objectContaining({ code: 'INVALID_SESSION_VALUE' }))
    expect(state.mayBeDirty).toBe(true)
  })
})

test('a session knows whether the app has read it, and whose request it belongs to', () => {
  const state = opened()
  expect([state.wasRead, state.owner]).toEqual([false, undefined])
  const owner = { expectChange: jest.fn() }
  state.noteChange()
  state.noteRead()
  state.attachTo(owner)
  expect([state.wasRead, state.owner, owner.expectChange.mock.calls.length]).toEqual([true, owner, 0])
  state.noteChange()
  state.noteChange()
  expect(owner.expectChange).toHaveBeenCalledTimes(1)
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

function rejected(): Promise<never> {
  const save: Promise<never> = Promise.reject(new Error('no store'))
  save.catch(() => undefined)
  return save
}

describe('a save that is under way', () => {
  test.each([
    ['was made', () => Promise.resolve()],
    ['has failed', rejected],
  ])('is over when it %s', async (_, save) => {
    const state = opened()
    expect(state.save).toBeUndefined()
    state.beginSave(save())
    await expect(Promise.resolve(state.save)).resolves.toBeUndefined()
    expect(state.save).toBeUndefined()
  })

  test('is the one that began last', async () => {
    const state = opened()
    let end: () => void = () => undefined
    state.beginSave(Promise.resolve())
    const { save: first } = state
    state.beginSave(new Promise<void>((resolve) => (end = resolve)))
    const { save: second } = state
    await first
    expect(state.save).toBe(second)
    end()
    await second
    expect(state.save).toBeUndefined()
  })
})

test('a login is a proof where it names its user', () => {
  const state = opened({}, 'ann')
  expect(state.isLoginProof).toBe(false)
  state.logIn({ subject: undefined, context, ttl: 10 })
  expect(state.isLoginProof).toBe(false)
  state.logIn({ subject: 'ann', context, ttl: 10 })
  expect(state.isLoginProof).toBe(true)
  state.markIssued(state.id, state.id)
  expect(state.isLoginProof).toBe(false)
})

test('a login stays a proof when one without a user follows it in the same request', () => {
  const state = opened()
  state.logIn({ subject: 'ann', context, ttl: 10 })
  state.logIn({ subject: undefined, context, ttl: 20 })
  expect([state.isLoginProof, state.subject]).toEqual([true, 'ann'])
})
