/**
 * The time: Unix seconds, with a fraction. Everything that depends on time takes one, so that a test turns it by
 * hand instead of sleeping.
 */
export type Clock = () => number

/** The clock of the machine. `Date` is looked up at each call, so a test that replaces it is obeyed. */
export const systemClock: Clock = () => Date.now() / 1000

/** Seconds that pass whatever is done to the machine's clock: for spans, never for instants. */
export function monotonicSeconds(): number {
  return performance.now() / 1000
}

/** An instant as the public API shows it: whole Unix seconds, rounded down. */
export function wholeSeconds(instant: number): number {
  return Math.floor(instant)
}
