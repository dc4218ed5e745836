import { type FieldChanges, mergeChanges } from '../session/fields'

/** A write that waits for the one before it. */
interface WaitingWrite {
  fields: FieldChanges
  readonly done: Promise<void>
}

/**
 * Writes what channels set into all sessions of a user. One write of a user is under way at a time; what is set meanwhile is
 * merged into one more. So a client that sends many messages, as a user with thousands of sessions, costs the store one
 * write after the other and not one for each message.
 */
export class SubjectWrites {
  readonly #write: (subject: string, fields: FieldChanges) => Promise<unknown>
  readonly #running = new Map<string, Promise<void>>()
  readonly #waiting = new Map<string, WaitingWrite>()

  constructor(write: (subject: string, fields: FieldChanges) => Promise<unknown>) {
    this.#write = write
  }

  /** How many users have a write under way. */
  get size(): number {
    return this.#running.size
  }

  /** Resolves once these changes are written; rejects when the write that carried them failed. */
  add(subject: string, fields: FieldChanges): Promise<void> {
    const waiting = this.#waiting.get(subject)
    if (waiting !== undefined) {
      waiting.fields = mergeChanges(waiting.fields, fields)
      return waiting.done
    }
    const running = this.#running.get(subject)
    if (running === undefined) return this.#start(subject, fields)
    const start = () => {
      this.#waiting.delete(subject)
      return this.#start(subject, next.fields)
    }
    const next: WaitingWrite = { fields, done: running.then(start, start) }
    this.#waiting.set(subject, next)
    return next.done
  }

  #start(subject: string, fields: FieldChanges): Promise<void> {
    const running = this.#write(subject, fields)
      .then(() => undefined)
      .finally(() => {
        if (!this.#waiting.has(subject)) this.#running.delete(subject)
      })
    this.#running.set(subject, running)
    return running
  }
}
