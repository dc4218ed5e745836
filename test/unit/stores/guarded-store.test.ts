import { GuardedStore } from '../../../lib/stores/guarded-store'
import { at, newHandle, newHash, sessionWith, setting } from '../../contract/samples'
import { ControlledStore } from '../../support/controlled-store'

const timedOut = { code: 'STORE_TIMEOUT', status: 503 }
let store: ControlledStore
let guarded: GuardedStore

beforeEach(() => {
  store = new ControlledStore()
  guarded = new GuardedStore(store, 0.02)
})

async function lateReply(call: 'insert' | 'change', action: () => unknown): Promise<void> {
  store.fail(call, 'late')
  await expect((async () => action())()).rejects.toMatchObject(timedOut)
  store.mend()
  await new Promise((resolve) => setTimeout(resolve, 20))
}

/** A busy machine takes its time until the session is deleted. */
async function untilEmpty(): Promise<void> {
  for (let i = 0; i < 200 && store.memory.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
}

const kept = (parts = {}) => {
  const handle = newHandle()
  store.memory.insert(handle, sessionWith(parts), at(0))
  return handle
}
const login = {
  replace: { hash: newHash(), issuedAt: at(1) },
  bind: { subject: 'ann', createdAt: at(1), expiresAt: at(99) },
}

test('a login that was stored after its request got 503 is deleted: no client has its id', async () => {
  const handle = kept()
  await lateReply('change', () => guarded.change(handle, { epoch: 0, ...login }, at(1)))
  await untilEmpty()
  expect(store.memory.list('ann', at(1)).size).toBe(0)
  expect(store.memory.size).toBe(0)
})

test('a new session that was stored after its request got 503 is deleted', async () => {
  const handle = newHandle()
  await lateReply('insert', () => guarded.insert(handle, sessionWith({ subject: 'ann' }), at(0)))
  await untilEmpty()
  expect(store.memory.size).toBe(0)
})

test('a late change of values, or of an id that another login has replaced since, deletes nothing', async () => {
  const handle = kept()
  await lateReply('change', () => guarded.change(handle, { epoch: 0, ...setting({ 'v:a': '1' }) }, at(1)))
  expect(store.memory.load(handle, at(1))?.fields.get('v:a')).toBe('1')
  store.fail('change', 'late')
  await expect((async () => guarded.change(handle, { epoch: 0, ...login }, at(1)))()).rejects.toMatchObject(timedOut)
  store.memory.change(handle, { epoch: 0, replace: { hash: newHash(), issuedAt: at(1) } }, at(1))
  store.mend()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(store.memory.size).toBe(1)
})
