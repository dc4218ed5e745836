import {
  applyChanges,
  areSame,
  changesBetween,
  checkValues,
  type FieldChanges,
  noTexts,
  type Texts,
  textsOfValues,
  valuesOfTexts,
} from '../session/fields'

/**
 * The values that a channel session holds, as JSON text by key:
 *
 *     taken   what was last taken over: from `setInitial`, or from the store
 *     held    what was taken over, and on top of it what was set since
 *     seen    what was held when the app last read it, so what it means to change when it sets
 */
export class HeldValues<T extends object> {
  #taken: Texts | undefined
  #held: Texts | undefined
  #seen: Texts | undefined
  /** `held` as an object, made when the app reads it. */
  #value: T | undefined

  get taken(): Texts | undefined {
    return this.#taken
  }

  /** Whether what is held, changes in place included, differs from what was taken over. */
  get changed(): boolean {
    return !areSame(this.#value === undefined ? this.#held : textsOf(this.#value), this.#taken)
  }

  setInitial(session: T): void {
    const texts = textsOf(session)
    this.#taken = texts
    this.#hold(texts, session)
  }

  get(): T | undefined {
    this.#seen = this.#held
    if (this.#held !== undefined) this.#value ??= valuesOfTexts(this.#held) as T
    return this.#value
  }

  /** What makes this value of what the app has seen. */
  changesTo(session: T): FieldChanges {
    return changesBetween(this.#seen ?? noTexts, textsOf(session))
  }

  /** @param value What `get` is to return, unless more is held than it has. */
  apply(changes: FieldChanges, value?: T): void {
    const held = applyChanges(this.#held ?? noTexts, changes)
    this.#hold(held, value !== undefined && areSame(held, textsOf(value)) ? value : undefined)
  }

  /** Takes over what the store has; `held` is that with what is yet to be stored. Returns whether the app is to be notified:
   * not at the first time, and not when nothing differs. */
  takeOver(values: Texts, held: Texts | undefined): boolean {
    const isFirst = this.#taken === undefined
    this.#taken = values
    if (held === undefined || areSame(held, this.#held)) return false
    this.#held = held
    this.#value = undefined
    if (isFirst) this.#seen = held
    return !isFirst
  }

  /** The store has these changes as well now. */
  stored(changes: FieldChanges): void {
    if (this.#taken !== undefined) this.#taken = applyChanges(this.#taken, changes)
  }

  /** Holds what was taken over, with what is yet to be stored. */
  restore(held: Texts): void {
    this.#hold(held)
  }

  /** Holds nothing; what was taken over is kept for `restore`. */
  clear(): void {
    this.#hold(undefined)
  }

  /** The session is over. */
  forget(): void {
    this.#taken = undefined
    this.#hold(undefined)
  }

  #hold(texts: Texts | undefined, value?: T): void {
    this.#held = texts
    this.#seen = texts
    this.#value = value
  }
}

/** @throws SessionError `INVALID_ARGUMENT` for what is no object of keys and values: an array, a `Map`, a promise. */
export function checkSession(session: object): object {
  checkValues('ChannelSession: a session', session)
  return session
}

function textsOf(session: object): Texts {
  return textsOfValues(checkSession(session))
}
