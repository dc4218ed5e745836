import type { ExpressSessionStore } from '../../lib/stores/express-session/express-session-store'

type Method = 'get' | 'set' | 'destroy'
type Callback = (error?: unknown, value?: unknown) => void

/**
 * A well-mannered store for express-session, in memory, whose calls a test can hold back one method at a time: a call
 * takes effect when it is released, as one does that was long under way. Several may share one `kept`, as processes share
 * a database.
 */
export class HeldStore implements ExpressSessionStore {
  readonly kept: Map<string, string>
  /** Method names, in the order in which the calls came in. */
  readonly calls: Method[] = []
  readonly #held = new Map<Method, (() => void)[]>()

  constructor(kept = new Map<string, string>()) {
    this.kept = kept
  }

  get(sid: string, callback: Callback): void {
    this.#call('get', () => {
      const text = this.kept.get(sid)
      callback(null, text === undefined ? undefined : JSON.parse(text))
    })
  }

  set(sid: string, session: unknown, callback?: Callback): void {
    const text = JSON.stringify(session)
    this.#call('set', () => {
      this.kept.set(sid, text)
      callback?.(null)
    })
  }

  destroy(sid: string, callback?: Callback): void {
    this.#call('destroy', () => {
      this.kept.delete(sid)
      callback?.(null)
    })
  }

  /** Holds back all calls of the method from now on. */
  hold(method: Method): void {
    this.#held.set(method, [])
  }

  /** Lets the held calls of the method take effect, in their order, and holds no more of them. */
  release(method: Method): void {
    const calls = this.#held.get(method) ?? []
    this.#held.delete(method)
    for (const call of calls) call()
  }

  #call(method: Method, effect: () => void): void {
    this.calls.push(method)
    const held = this.#held.get(method)
    if (held === undefined) effect()
    else held.push(effect)
  }
}
