/** A class as programs of before `class` have it: called with `new`, or as a function on an object that inherits from it. */
export interface CallableClass<T extends object, Args extends readonly unknown[]> {
  new (...args: Args): T
  readonly prototype: T
  call(object: object, ...args: Args): void
}

/** The class that a function is in JavaScript, and not for the compiler: it makes what its `this` is declared to be. */
export function callableClass<T extends object, Args extends readonly unknown[]>(
  make: (this: T, ...args: Args) => void,
): CallableClass<T, Args>
export function callableClass(make: unknown): unknown {
  return make
}
