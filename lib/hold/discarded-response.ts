import type { ServerResponse } from 'node:http'
import { type Method, returnValueOf } from './check-call'

export type Call = readonly [method: Method, args: readonly unknown[]]

/**
 * The response that an app gave and that is replaced, because its session could not be stored: which of the calls that
 * still come belong to it, and not to the response that replaces it.
 */
export class DiscardedResponse {
  readonly #res: ServerResponse
  /** `whole`: the app had ended it. `cut`: not, so the app may still be writing it. */
  #extent: 'whole' | 'cut'
  #isErrorBeingHandled = false

  constructor(res: ServerResponse, isWhole: boolean, calls: readonly Call[], error: unknown) {
    this.#res = res
    this.#extent = isWhole || calls.some(([method]) => method === 'end') ? 'whole' : 'cut'
    for (const [, args] of calls) callBack(args, error)
  }

  /** Runs what is to give the other response; what is called from within belongs to that one. */
  handleError(act: () => void): void {
    this.#isErrorBeingHandled = true
    try {
      act()
    } finally {
      this.#isErrorBeingHandled = false
    }
  }

  /**
   * Whether a call belongs to the discarded response. Once the other response has ended, all do. Where the discarded one
   * was cut, so does what comes before the other one has shown itself: it is called for in `handleError`, sets a status or
   * a type.
   *
   * @param isEnded The other response has ended.
   */
  isLateCall(method: Method, isEnded: boolean, headersSent: boolean): boolean {
    // With two session middlewares, Node calls `writeHead` of the outer one after `end`.
    if (method === 'writeHead') return isEnded && headersSent
    if (isEnded) return true
    if (this.#extent !== 'cut' || this.#isErrorBeingHandled || headersSent) return false
    const res = this.#res
    if (res.statusCode !== 200 || (typeof res.hasHeader === 'function' && res.hasHeader('content-type'))) return false
    if (method === 'end') this.#extent = 'whole'
    return true
  }
}

/** Ignores a late call; its callback learns of it. Returns what the method returns. */
export function ignoreCall(res: ServerResponse, method: Method, args: readonly unknown[]): unknown {
  callBack(args, new Error('the response was replaced: its session could not be stored'))
  return returnValueOf(method, res)
}

function callBack(args: readonly unknown[], error: unknown): void {
  const last = args.findLast((argument) => argument !== undefined)
  if (typeof last === 'function') process.nextTick(last, error)
}
