/**
 * The type that JSON brings back in place of `T`: text for a `Date`, and whatever else `toJSON` gives for what has one. A type
 * that is JSON already stays itself.
 *
 * `get` has it for the keys whose declared type is not what comes back, so that the compiler knows of a `Date` that it is
 * text: also in the request that has set it.
 *
 * @example
 * declare module 'holdfast' {
 *   interface SessionValues { openedAt: Date }
 * }
 * req.session.set('openedAt', new Date())
 * const openedAt = new Date(req.session.get('openedAt') ?? 0)   // `get` gives string | undefined
 */
export type Jsonified<T> = IsAny<T> extends true ? T : JsonOf<T>

type JsonOf<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends { toJSON(key?: never): infer Json }
    ? Jsonified<Json>
    : T extends bigint | symbol | ((...args: never) => unknown) | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
      ? never
      : T extends object
        ? { [K in keyof T]: Jsonified<T[K]> }
        : T

type IsAny<T> = 0 extends 1 & T ? true : false

/** Compared with what comes back, and not walked through: a type may contain itself. */
type IsJson<T> = [T] extends [Jsonified<T>] ? ([Jsonified<T>] extends [T] ? true : false) : false

/** The keys whose values come back as something else than was declared; `never` for most shapes. */
export type ConvertedKey<T> = Extract<{ [K in keyof T]-?: IsJson<T[K]> extends true ? never : K }[keyof T], string>

/** A shape as it is read; the shape itself where nothing in it is converted. */
export type ReadShape<T> = [ConvertedKey<T>] extends [never] ? T : { [K in keyof T]: Jsonified<T[K]> }

/** The arguments of a signature for converted keys. A shape that has none is given one that takes no call, so that the
 * compiler leaves it out of its messages. A signature of its own, because a conditional type in the only one would be
 * opaque in functions that are generic over the shape. */
export type ConvertedKeyArguments<Key, Values, Flash> = [ConvertedKey<Values> | ConvertedKey<Flash>] extends [never]
  ? [key: never, none: never]
  : [key: Key]
