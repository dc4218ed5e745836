import type { ServerResponse } from 'node:http'

export interface WatchedHold {
  /** Nothing was asked, and no call of the hold is under way. */
  readonly isIdle: boolean
  /** Makes the head with Node's own method, as the response is. */
  makeHead(): void
  /** The head has gone past the hold. */
  passedBy(): void
}

/**
 * Watches over a response that others have wrapped before it was held.
 *
 * The session may have been touched first from inside such a wrapper, which then goes on to a method that it took when
 * nothing was held. Its bytes cannot be held any more, for Node's method has begun: the answer leaves, what was changed
 * is saved all the same, and a cookie that it needed is told of in the log.
 */
export function watchWrappers(res: ServerResponse, hold: WatchedHold): void {
  const inner = res as unknown as { readonly end: unknown; _implicitHeader?: () => void }
  const outermost = inner.end
  const implicitHeader = inner._implicitHeader?.bind(res)
  if (implicitHeader === undefined) return
  inner._implicitHeader = () => {
    // Who wraps from above may call this as well, and comes through the hold afterwards.
    if (!hold.isIdle || inner.end !== outermost) {
      implicitHeader()
      return
    }
    hold.makeHead()
    hold.passedBy()
  }
}
