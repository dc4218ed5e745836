import { setTimeout as wait } from 'node:timers/promises'
import { SessionError } from '../base/errors'
import { Cookie } from './cookie'
import { mintId, writeId } from './id-cookie'
import { placesOf } from './layout'
import type { NewPlace } from './new-place'
import type { OldPlace } from './old-place'
import { noOwner } from './owner'
import type { NewSession } from './records'
import type { Stage } from './resolve-move'
import { type ResolvedOptions, resolveOptions } from './resolve-options'

/** What a team gives to have its running deployment inspected. */
export interface MoveInspection {
  /** The store that sessions move from, as the app makes it. */
  readonly old: unknown
  /** The store that they move to. */
  readonly own: unknown
  readonly secret: unknown
  /** Of the cookie; default `connect.sid`. */
  readonly name?: unknown
  /** One of each process, not of the load balancer: any page behind `session()` that responds to a GET. */
  readonly urls: readonly string[]
}

/** What a process does: a stage of the move; or it knows one place only, as express-session does, and this package before a
 * move and after it. */
export type Observed = Stage | 'one place'

/** Seconds after which a process that gives back takes a session, and some. */
const settled = 2.2
/** Milliseconds. */
const longestResponse = 10_000

/**
 * Finds out what each process does from what it does to three sessions of no user, which are made in the stores for this,
 * hold no value, and end within a minute: one in the old place; one in the new; and one that is in the old place and has
 * ended. Which place has them after a request says the stage.
 */
export async function observe(given: MoveInspection): Promise<ReadonlyMap<string, Observed>> {
  const { old, own, secret, name } = given
  const urls: readonly string[] = Array.isArray(given.urls) ? (given.urls as string[]) : []
  if (urls.length === 0) {
    throw new SessionError('INVALID_OPTION', 'urls is empty; give a URL of each process')
  }
  const quiet = { resave: false, saveUninitialized: false, takeoverWindow: 60 }
  const options = resolveOptions({ ...quiet, secret, name, store: old, upcoming: own })
  if (options.move === undefined || options.secrets === undefined) {
    throw new SessionError('INVALID_OPTION', 'secret and own are needed; give what the app gives')
  }
  const places = placesOf(options, options.move)
  const probes = await Promise.all(urls.map(() => Probe.make(places.oldPlace, places.newPlace, options)))
  await wait(settled * 1000)
  const observed = new Map<string, Observed>()
  for (const [index, url] of urls.entries()) {
    const probe = probes[index]
    if (probe !== undefined) observed.set(url, await probe.observe(url))
  }
  return observed
}

class Probe {
  readonly #old: OldPlace
  readonly #new: NewPlace
  readonly #options: ResolvedOptions
  readonly #inOld = mintId()
  readonly #inNew = mintId()
  readonly #ended = mintId()

  private constructor(oldPlace: OldPlace, newPlace: NewPlace, options: ResolvedOptions) {
    this.#old = oldPlace
    this.#new = newPlace
    this.#options = options
  }

  static async make(oldPlace: OldPlace, newPlace: NewPlace, options: ResolvedOptions): Promise<Probe> {
    const probe = new Probe(oldPlace, newPlace, options)
    await oldPlace.create(probe.#inOld, newSession(), false)
    await newPlace.claim(probe.#inNew, newSession())
    await newPlace.end(probe.#ended)
    await oldPlace.create(probe.#ended, newSession(), false)
    return probe
  }

  async observe(url: string): Promise<Observed> {
    const ids = [this.#inOld, this.#inNew, this.#ended]
    try {
      for (const id of ids) await this.#request(url, id)
      if ((await this.#old.snapshot(this.#ended)) !== undefined) return 'one place'
      if ((await this.#new.find(this.#inOld)).state === 'live') return 'take-over'
      return (await this.#old.snapshot(this.#inNew)) === undefined ? 'upcoming' : 'give-back'
    } finally {
      for (const id of ids) {
        await this.#new.end(id)
        await this.#old.end(id)
      }
    }
  }

  async #request(url: string, id: string): Promise<void> {
    const { name, secrets = [] } = this.#options
    const [cookie = ''] = writeId(id, name, secrets, newCookie()).split(';')
    const signal = AbortSignal.timeout(longestResponse)
    const response = await fetch(url, { headers: { cookie }, redirect: 'manual', signal })
    await response.arrayBuffer()
    if (response.status >= 500) throw new Error(`${url} responded with ${response.status}`)
  }
}

const newCookie = (): Cookie => new Cookie({ path: '/', maxAge: 60_000 })
const newSession = (): NewSession => ({ cookie: newCookie(), values: new Map(), owner: noOwner })

/** What a team may do next. `ready`: every process is at one stage. `wait`: a deployment is under way, and safe.
 * `unsafe`: processes serve side by side that must not. */
export interface Verdict {
  readonly state: 'ready' | 'wait' | 'unsafe'
  readonly text: string
}

const nextSteps: Readonly<Record<Observed, string>> = {
  'one place':
    'Every process knows one place only. Before a move, the next step is upcoming. Nothing else is safe: migrateFrom would sign out users of the processes that still run.',
  upcoming:
    'Every process knows both places. The next step is migrateFrom. Back to no move is safe as long as no process with migrateFrom has run; afterwards add moveBack first.',
  'take-over':
    'Every process moves sessions when they are used. When the longest lifetime of a session has passed since this was deployed, remove migrateFrom. The step back is upcoming, then upcoming with moveBack.',
  'give-back':
    'Every process gives sessions back when they are used. When the longest lifetime of a session has passed since this was deployed, remove upcoming and moveBack.',
}

/** Whether the next step is safe. */
export function judge(observed: Iterable<Observed>): Verdict {
  const stages = new Set(observed)
  const [only] = stages
  if (only !== undefined && stages.size === 1) return { state: 'ready', text: nextSteps[only] }
  if (stages.has('one place') && stages.has('take-over')) {
    return {
      state: 'unsafe',
      text: 'Processes that move sessions serve beside processes that do not know the new place: there, their users are strangers. Deploy upcoming everywhere, now.',
    }
  }
  return {
    state: 'wait',
    text: 'A deployment is under way: these stages may serve side by side. Check again when it is done.',
  }
}
