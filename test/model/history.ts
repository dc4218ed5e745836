/**
 * What a run leaves behind: all that its clients asked and saw, and when. Instants are milliseconds of this machine's clock,
 * which the processes of a run share, whatever clock their sessions have.
 */

/** What a request does to its session. */
export type Act =
  | 'read'
  | 'set'
  | 'mutate'
  | 'unset'
  | 'flash'
  | 'login'
  | 'logout'
  | 'regenerate'
  | 'destroy'
  // Outside a request.
  | 'job-get'
  | 'job-update'
  | 'job-save'
  | 'job-delete'
  | 'list'
  | 'delete-all'
  | 'update-all'
  | 'delete-one'
  // On a socket.
  | 'channel-update'
  | 'channel-clear'

/** What a handler finds in its session, before it does anything. */
export interface Seen {
  readonly handle: string
  readonly subject: string | null
  /** The number of the operation that wrote the key. */
  readonly values: Readonly<Record<string, number>>
  readonly flash: Readonly<Record<string, number>>
}

export interface Operation {
  /** Counts from 1. It is also the value that the operation writes, so that each value says who wrote it. */
  readonly number: number
  readonly actor: string
  readonly act: Act
  readonly process: number
  readonly key?: string
  readonly subject?: string
  /** The session that `delete-one` is to end. */
  readonly target?: string
  /** The id that the client showed. */
  readonly id?: string | undefined
  readonly sentAt: number
  /** `failed`: an error response. `lost`: none. Both may have taken effect, or may yet. */
  outcome: 'ok' | 'failed' | 'lost'
  status?: number
  /** When the response was there, or was known to be lost. */
  endedAt: number
  /** When the handler had read its session, and did what it was asked. */
  actedAt?: number
  seen?: Seen | undefined
  /** The id in the response's cookie; empty where the cookie was cleared. */
  issued?: string
  /** Of a listing: handles. Of a job: whether there was such a session. */
  result?: unknown
}

export interface SocketLife {
  readonly id: string
  readonly handle: string
  readonly process: number
  readonly openedAt: number
  subject?: string
  /** What the channel shows, as the server says. */
  view: Readonly<Record<string, number>>
  closedAt?: number
  code?: number
  reason?: string
}

/** When something was wrong, and with what. */
export interface FaultSpan {
  readonly name: string
  readonly from: number
  to: number
}

export interface RunOptions {
  readonly seed: number
  readonly seconds: number
  readonly processes: number
  readonly jars: number
  /** Of the middleware, in seconds. */
  readonly timeouts: { readonly idle?: number; readonly renewal?: number; readonly overlap?: number }
  /** Seconds by which the clock of each process is ahead. */
  readonly skews: readonly number[]
  /** Names of `faults.ts`. */
  readonly faults: readonly string[]
  /** The part of responses that clients lose. */
  readonly lost: number
  readonly checkInterval: number
  /** How often a tab does what, where it differs from operations.ts. */
  readonly weights: Readonly<Partial<Record<Act | 'forget' | 'open-channel', number>>>
}

export interface History {
  readonly options: RunOptions
  readonly operations: readonly Operation[]
  readonly sockets: readonly SocketLife[]
  readonly faults: readonly FaultSpan[]
  /** Keys of Redis that were seen without a deadline. */
  readonly immortal: readonly string[]
  /** From when on nothing was asked any more, and nothing was wrong. */
  readonly restFrom: number
  /** What each session with an open socket holds at the end, as a job sees it. */
  readonly atRest: ReadonlyMap<string, Readonly<Record<string, number>> | undefined>
}

/** Public name of the session that an id opens. */
export function handleOf(id: string): string {
  return id.slice(0, 16)
}

/** An administrator's act: it names a user, not an id. */
export function isOfUsers(act: Act): boolean {
  return act === 'list' || act === 'delete-all' || act === 'update-all' || act === 'delete-one'
}

/** Clocks are read to the millisecond. */
export const tick = 2
