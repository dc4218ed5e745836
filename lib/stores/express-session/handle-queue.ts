import { SessionError } from '../../base/errors'
import { startTimer } from '../../base/timers'

/** A task's place in the queue of one handle. */
export interface Turn {
  /** False once the time limit has passed: the handle is the next one's, and this task must not write any more. */
  readonly held: boolean
  /** Set by a task whose write is on its way: called when the time limit passes before the task is done. */
  onCut?: (() => void) | undefined
}

interface Waiting extends Turn {
  held: boolean
  /** False when it was too late to start. */
  readonly start: () => boolean
}

/**
 * One task at a time for each handle, in the order in which they were given; tasks of different handles run side by
 * side. This is what makes "read, then write" one step within the process, over a store that has no such step.
 *
 * A task has a time limit, counted from when it was given, waiting included. A task that it cuts rejects with
 * `STORE_TIMEOUT` and gives its place away: a store that never replies delays no caller for longer than the limit, and a
 * task that has waited too long does not begin.
 */
export class HandleQueue {
  readonly #lines = new Map<string, Waiting[]>()

  /** Handles that have a task now. */
  get size(): number {
    return this.#lines.size
  }

  /** @param limit Seconds. */
  run<T>(handle: string, limit: number, task: (turn: Turn) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const due = performance.now() + limit * 1000
      const cut = () => {
        turn.held = false
        turn.onCut?.()
        reject(new SessionError('STORE_TIMEOUT', 'the session store did not reply in time'))
      }
      const turn: Waiting = {
        held: true,
        start: () => {
          // The one before may have used up this one's time as well, with this one's timer about to fire.
          if (performance.now() >= due) {
            cut()
            return false
          }
          task(turn)
            .then(resolve, reject)
            .finally(() => {
              clearTimeout(timer)
              this.#leave(handle, turn)
            })
          return true
        },
      }
      const timer = startTimer(limit, () => {
        cut()
        this.#leave(handle, turn)
      })
      timer.unref()
      const line = this.#lines.get(handle)
      if (line === undefined) {
        this.#lines.set(handle, [turn])
        turn.start()
      } else line.push(turn)
    })
  }

  #leave(handle: string, turn: Waiting): void {
    const line = this.#lines.get(handle)
    const place = line?.indexOf(turn) ?? -1
    if (line === undefined || place === -1) return
    line.splice(place, 1)
    if (place > 0) return
    while (line[0] !== undefined) {
      if (line[0].start()) return
      line.shift()
    }
    this.#lines.delete(handle)
  }
}
