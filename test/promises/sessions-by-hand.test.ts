import { Session, SessionManager } from '../../lib'
import { type Kept, storeKinds } from '../support/store-kinds'

const kinds = storeKinds()
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

describe.each(kinds)('on $name', (kind) => {
  let kept: Kept
  let sessions: SessionManager

  beforeEach(async () => {
    kept = await kind.open()
    sessions = new SessionManager({ store: kept.store })
  })
  afterEach(async () => {
    await sessions.close()
    await kept.close()
  })

  test.each([
    ['a value was set', (session: Session) => session.set('b', 2), { a: 1, b: 2 }],
    ['it got a new id', (session: Session) => session.regenerateId(), { a: 1 }],
  ])('P3: a session made by hand keeps the values that it was given when %s', async (_title, change, expected) => {
    const session: Session = new Session(undefined, [{ a: 1 }, {}])
    change(session)
    const id = await sessions.save(session)
    expect([session.get('a'), session.dirty, await sessions.get(id ?? '')]).toEqual([1, false, expected])
    session.set('c', 3)
    expect(await sessions.save(session)).toBe(id)
    expect(await sessions.get(id ?? '')).toEqual({ ...expected, c: 3 })
  })

  test('P3: a session made by hand is not dirty once a value that it was given is removed and saved, and keeps it when it is set again', async () => {
    const session: Session = new Session(undefined, [{ a: 1, b: 2 }, {}])
    session.unset('a')
    const id = await sessions.save(session)
    expect([session.dirty, await sessions.get(id ?? '')]).toEqual([false, { b: 2 }])
    session.set('a', 1)
    expect(await sessions.save(session)).toBe(id)
    expect(await sessions.get(id ?? '')).toEqual({ a: 1, b: 2 })
  })
})
