/* eslint-disable prefer-rest-params -- how many arguments there were must cost nothing to know; an array of them does */
import { inspect, type InspectOptions } from 'node:util'
import { wholeSeconds } from '../base/clock'
import { valuesOfTexts } from './fields'
import type { ConvertedKey, ConvertedKeyArguments, Jsonified } from './jsonified'
import { freshState } from './make-state'
import { closeClass, refuseArguments, refuseCallback, refuseKey } from './misuse'
import type { DefaultFlash, DefaultValues } from './session-shape'
import { plainSetting } from './session-setting'
import { SessionState } from './session-state'

/** The state behind a session. For the rooms above; no entry point exports it. */
export let stateOf: (session: AnySession) => SessionState
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a session of whatever shape
export type AnySession = Session<any, any>

type ValueOf<T, K> = K extends keyof T ? T[K] : never

/**
 * One client's session, as a request sees it (`req.session`). It knows neither HTTP nor stores: what is done to it is
 * kept when the response goes out (or at `sessions.save(session)`), key by key, and only what changed.
 *
 * `Values` and `Flash` are the app's own shape, declared once as `SessionValues` and `SessionFlash`; see README, "Types".
 *
 * @example
 * req.session.set('views', (req.session.get('views') ?? 0) + 1)
 * req.session.flash('notice', 'Saved')     // readable in the next request, once
 */
export class Session<Values extends object = DefaultValues, Flash extends object = DefaultFlash> {
  readonly #state: SessionState

  static {
    stateOf = (session) => session.#state
    closeClass(Session, (value) => #state in value)
  }

  /** @internal */
  constructor(state: SessionState)
  /**
   * A session by hand: for tests, and to hand to `sessions.save`.
   *
   * @param id What to be called. Default: a new random id, made when it is first asked for. An id that is given is shown
   *   but never adopted: a save stores the session under an id of its own, because a given id may be a guess.
   * @param initialData Values, and flash messages that are readable at once. They are no change: a save stores them once
   *   something is set, and until then nothing.
   * @throws SessionError `INVALID_SESSION_VALUE` for a value that JSON cannot carry.
   */
  constructor(id?: string, initialData?: readonly [Values, Flash])
  constructor(from?: string | SessionState, initialData?: readonly [Values, Flash]) {
    if (from instanceof SessionState) this.#state = from
    else {
      const [values, flash] = initialData ?? []
      this.#state = freshState(plainSetting(), { id: from, values, flash })
    }
    // A subclass adds fields of its own after this.
    if (new.target === Session) Object.preventExtensions(this)
  }

  /** The value of the key, else the flash message of that key from the request before, else undefined. An object may be
   * changed in place: it is saved like any other change. What was declared as a `Date` is read as text; see
   * {@link Jsonified}. */
  get<K extends ConvertedKey<Values> | ConvertedKey<Flash>>(
    ...key: ConvertedKeyArguments<K, Values, Flash>
  ): Jsonified<ValueOf<Values, K> | ValueOf<Flash, K>> | undefined
  /** The value of the key, else the flash message of that key from the request before, else undefined. An object may be
   * changed in place: it is saved like any other change. */
  get<K extends (keyof Values | keyof Flash) & string>(key: K): ValueOf<Values, K> | ValueOf<Flash, K> | undefined
  // The second parameter is for the compiler alone: the signatures above have to fit.
  get(key?: string, _none?: never): unknown {
    const state = this.#state
    if (typeof key !== 'string' || key === '') refuseKey('get', key)
    state.noteRead()
    if (state.destroyed) return undefined
    const value = state.values.get(key) ?? state.flash.get(key)
    // Only an object can be changed in place, behind the session's back.
    if (typeof value === 'object') state.noteChange()
    return value
  }

  /** Whether `get` would find the key. */
  has(key: (keyof Values | keyof Flash) & string): boolean {
    const state = this.#state
    if (typeof key !== 'string' || key === '') refuseKey('has', key)
    state.noteRead()
    return !state.destroyed && (state.values.has(key) || state.flash.has(key))
  }

  /**
   * Keeps a value; `null` and `undefined` remove the key. Setting an equal value (the same JSON) writes nothing. In
   * parallel requests different keys all keep their writes; of one key the last writer's whole value stays, nothing is
   * merged.
   *
   * @throws SessionError `INVALID_SESSION_VALUE`, naming the key, for what JSON cannot carry (a BigInt, a cycle, a
   *   function, NaN, a Map); `SESSION_DESTROYED` after `destroy()`.
   */
  set<K extends keyof Values & string>(key: K, value: Values[K] | null | undefined): void {
    const state = this.#state
    if (arguments.length !== 2) refuseArguments('set', arguments)
    if (typeof key !== 'string' || key === '') refuseKey('set', key)
    state.checkAlive()
    if (value === null || value === undefined) state.values.unset(key)
    else state.setValue(key, value)
    state.noteChange()
  }

  /** Removes a key; a parallel request that merely read it does not bring it back. Throws `SESSION_DESTROYED` after
   * `destroy()`. */
  unset(key: keyof Values & string): void {
    const state = this.#state
    if (typeof key !== 'string' || key === '') refuseKey('unset', key)
    refuseCallback('req.session.unset()', arguments[1])
    state.checkAlive()
    state.values.unset(key)
    state.noteChange()
  }

  /** Leaves a message that the next request, and only it, can read with `get`. Not readable in this one. Throws as
   * `set` does. */
  flash<K extends keyof Flash & string>(key: K, value: Flash[K]): void {
    const state = this.#state
    if (arguments.length !== 2) refuseArguments('flash', arguments)
    if (typeof key !== 'string' || key === '') refuseKey('flash', key)
    state.checkAlive()
    if (value === null || value === undefined) state.flash.takeBack(key)
    else state.putFlash(key, value)
    state.noteChange()
  }

  /**
   * A new id, the same data. The id from before is invalid as soon as the change is stored, whatever the argument:
   * the data lives on in the same record (OWASP Session Management, "Renew the session ID after any privilege level
   * change"). At a login use `login(req, subject)`, which does this and more.
   *
   * @param deleteOldSession When true, `deleteId` is afterwards the first id of this request.
   */
  regenerateId(deleteOldSession = false): void {
    const state = this.#state
    refuseCallback('req.session.regenerateId()', deleteOldSession)
    state.checkAlive()
    state.replaceId()
    if (deleteOldSession) state.markFirstIdDeleted()
    state.noteChange()
  }

  /**
   * Ends the session: its record is deleted and its cookie cleared before the response leaves. From here on it is empty,
   * and `set`, `unset`, `flash` and `regenerateId` throw `Session has been destroyed`. Requests in flight cannot bring it
   * back. Twice is once. To go on with a fresh session in the same request use `logout(req)`.
   */
  destroy(): void {
    const state = this.#state
    refuseCallback('req.session.destroy()', arguments[0])
    state.destroy()
    state.noteChange()
  }

  /** What opens the session: its cookie. A secret; log `handle` instead. */
  get id(): string {
    return this.#state.id
  }

  /** Public name of the session, 16 characters: safe to log, to show, to put in a URL. It cannot open the session. */
  get handle(): string {
    return this.#state.handle
  }

  /** Whose session it is; undefined without a login. */
  get subject(): string | undefined {
    this.#state.noteRead()
    return this.#state.subject
  }

  /** Start of the absolute lifetime, Unix seconds; a login restarts it. */
  get createdAt(): number {
    return wholeSeconds(this.#state.createdAt)
  }

  /** Absolute deadline, Unix seconds; an idle timeout can end the session earlier. */
  get expiresAt(): number {
    return wholeSeconds(this.#state.expiresAt)
  }

  /** What a store would keep: the values, and the flash messages for the next request; `[{}, {}]` when destroyed. A copy,
   * deeply frozen: changing it throws in strict mode, because it could change nothing in the session. What was declared as
   * a `Date` stands in it as text, although its type says otherwise. */
  get data(): [Values, Flash] {
    this.#state.noteRead()
    const { destroyed, values, flash } = this.#state
    const data = destroyed ? [{}, {}] : [valuesOfTexts(values.texts()), valuesOfTexts(flash.texts())]
    return freezeDeeply(data) as [Values, Flash]
  }

  /** Whether a save would have something to do: a changed value, also one changed in place, a flash message to leave or
   * to clear, a new id, an end. */
  get dirty(): boolean {
    return this.#state.dirty
  }

  get destroyed(): boolean {
    return this.#state.destroyed
  }

  /** The first id of this request, after `regenerateId(true)`; undefined otherwise. */
  get deleteId(): string | undefined {
    return this.#state.deleteId
  }

  /** How many keys `get` would find; 0 when destroyed. */
  get size(): number {
    this.#state.noteRead()
    const { destroyed, values, flash } = this.#state
    if (destroyed) return 0
    let size = values.size
    for (const key of flash.keys()) if (!values.has(key)) size++
    return size
  }

  /** What `console.log(req.session)` shows: never the id, never a value. */
  [inspect.custom](
    depth: number,
    options: InspectOptions & { stylize(text: string, style: string): string },
    show = inspect,
  ): string {
    const { handle, subject, destroyed } = this
    const state = this.#state
    const keys = destroyed ? [] : [...new Set([...state.values.keys(), ...state.flash.keys()])]
    const shown = { handle, subject, keys, dirty: state.mayBeDirty, ...(destroyed && { destroyed }) }
    return `${options.stylize('Session', 'special')} ${show(shown, { ...options, depth: Math.max(depth, 1), getters: false, showHidden: false })}`
  }

  /** For logs: the handle and whose it is. Never the id, never data. */
  toJSON(): { handle: string; subject: string | undefined; size: number } {
    return { handle: this.handle, subject: this.subject, size: this.size }
  }
}

/** What JSON made: there is no cycle in it. */
function freezeDeeply<T extends object>(root: T): T {
  const objects: object[] = [root]
  for (let object = objects.pop(); object !== undefined; object = objects.pop()) {
    for (const member of Object.values(Object.freeze(object)) as unknown[]) {
      if (typeof member === 'object' && member !== null) objects.push(member)
    }
  }
  return root
}
