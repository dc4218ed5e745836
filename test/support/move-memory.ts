import ours from '../../lib/express-session'
import type { Cookie } from '../../lib/express-session/cookie'
import { noOwner } from '../../lib/express-session/owner'
import { MemoryStore } from '../../lib/stores/memory-store'
import { type MoveStores, newCookie, valuesOf } from './move-run'

export const subject = (session: { user?: string }) => session.user

/** Two places in memory, of one process. */
export interface Memory extends MoveStores {
  readonly old: InstanceType<typeof ours.MemoryStore>
  readonly own: MemoryStore
  /** What express-session would find. */
  readonly kept: Record<string, string>
}

export function openMemory(): Memory {
  const old = new ours.MemoryStore()
  const { sessions: kept } = old as unknown as { sessions: Record<string, string> }
  return { old, own: new MemoryStore(), kept }
}

/** Another process has a store object of its own, over the same sessions. */
export function otherOld({ kept }: Memory): Memory['old'] {
  return Object.assign(new ours.MemoryStore(), { sessions: kept })
}

/** A process of a deployment over stores that other processes may have too. */
export { processOver as start } from './move-run'

/** Something happens just after the n-th call of a method, from now on, has had its effect. */
export function after<S extends object>(store: S, method: keyof S & string, act: () => unknown, call = 1): void {
  const original = (store[method] as (...args: unknown[]) => unknown).bind(store)
  let calls = 0
  jest.spyOn(store as any, method).mockImplementation(async (...args: unknown[]) => {
    const result = await original(...args)
    if (++calls === call) await act()
    return result
  })
}

export const change = (values: Record<string, unknown>, remove: string[] = [], cookie?: Cookie) => ({
  set: valuesOf(values),
  remove,
  cookie: cookie ?? newCookie(),
  cookieChanged: cookie !== undefined,
  newOwner: undefined,
})
export const newSession = (values = {}, cookie = newCookie()) => ({ cookie, values: valuesOf(values), owner: noOwner })
