import type { ServerResponse } from 'node:http'
import type { Awaitable } from '../base/awaitable'
import { SessionError } from '../base/errors'
import { startTimer } from '../base/timers'
import { warnRarely } from '../base/warnings'
import { type Gate, HeldResponse } from '../hold/held-response'

/** Seconds that an error handler may take until its first byte. */
const longestSilence = 10

/** When a request's session is committed: before a byte of the response leaves, and again for changes that come later. */
export class ResponseSaves implements Gate {
  readonly commit: (headersSent: boolean) => Awaitable<readonly string[]>
  readonly #res: ServerResponse
  readonly #next: (error?: unknown) => void
  /** `free`: nothing is held. `held`: the next call on the response commits. `over`: the response has ended. */
  #phase: 'free' | 'held' | 'over' = 'free'
  #lateSave: Promise<void> | undefined

  constructor(
    res: ServerResponse,
    next: (error?: unknown) => void,
    commit: (headersSent: boolean) => Awaitable<readonly string[]>,
  ) {
    this.#res = res
    this.#next = next
    this.commit = commit
  }

  /** Commits before the response leaves, whether or not the session is used. */
  hold(): void {
    if (this.#phase !== 'free') return
    this.#phase = 'held'
    new HeldResponse(this.#res, this)
  }

  /** The session may be about to change. */
  mayChange(): void {
    if (this.#phase === 'free' && this.#res.writableEnded) this.#phase = 'over'
    if (this.#phase === 'free') this.hold()
    else if (this.#phase === 'over') this.#saveLate()
  }

  /** Runs the task when the response has ended, or its client has gone. */
  whenOver(task: () => void): void {
    // A stub of a response is no emitter.
    if (typeof this.#res.once === 'function') this.#res.once('close', task)
    else setImmediate(task)
  }

  ended(): void {
    this.#phase = 'over'
  }

  passedBy(): void {
    if (this.#res.writableEnded) this.#phase = 'over'
    this.#saveLate()
  }

  fail(error: unknown): void {
    this.#next(error)
    // Where `next` counts only once, nothing else would ever end this response.
    startTimer(longestSilence, () => this.#endUnanswered()).unref()
  }

  failLate(error: unknown): void {
    warnRarely('HOLDFAST_SAVE_FAILED_AFTER_HEADERS', reasonOf(error))
    if (typeof this.#res.destroy === 'function') this.#res.destroy()
  }

  #saveLate(): void {
    if (this.#lateSave !== undefined) return
    this.#lateSave = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      this.#lateSave = undefined
      try {
        await this.commit(true)
      } catch (error) {
        warnRarely('HOLDFAST_SAVE_FAILED_AFTER_END', reasonOf(error))
      }
    })
  }

  #endUnanswered(): void {
    const res = this.#res
    if ((res.headersSent as boolean | undefined) !== false || res.writableEnded || res.destroyed) return
    warnRarely('HOLDFAST_ERROR_NOT_ANSWERED')
    res.statusCode = 503
    res.end('Service Unavailable')
  }
}

/** For the log: an error that is not ours may hold anything, so only its code is shown. */
function reasonOf(error: unknown): string {
  if (error instanceof SessionError) return `${error.code}: ${error.message}`
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : 'unknown reason'
}
