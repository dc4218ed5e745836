import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../base/clock'
import { SessionError } from '../base/errors'
import { invalidOption } from '../base/option-check'
import { isExpressSessionStore } from '../stores/express-session/express-session-store'
import { jsonRecordsOf } from '../stores/json-records'
import { Cookie } from './cookie'
import { mintId, writeId } from './id-cookie'
import { placesOf } from './layout'
import type { NewPlace } from './new-place'
import type { OldPlace } from './old-place'
import { noOwner } from './owner'
import type { NewSession } from './records'
import type { Stage } from './resolve-move'
import { isSessionStore } from '../service/resolve-options'
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

/** What a process does: a stage of the move; or it knows one place only, the old one as express-session and this package do before
 * a move, or the new one as this package does after it. `no session`: nothing shows that it has used a session. */
export type Observed = Stage | 'old only' | 'own only' | 'no session'

/** All below in seconds. After the first a process that gives back takes a session, and some. */
const settled = 2.2
/** Of a session of which the use is recorded after `settled`: an interval of a twentieth. */
const lifetime = 30
/** Of one that has ended at `lookAt`, also where a store counts in whole seconds, unless a process has used it. */
const shortLifetime = 6
const lookAt = 7.3
const longestResponse = 10

/**
 * Finds out what each process does from what it does to sessions of no user, which are made in the stores for this, hold no
 * value, and end within a minute: one in the old place; one in the new; one that is in the old place and has ended; and
 * one in the old place that ends soon unless it is used. What has become of them after a request says the stage. Each stage
 * needs a sign of its own: a URL at which no session is used, or a wrong secret, is not taken for a stage.
 *
 * @param pause Resolves after so many seconds.
 */
export async function observe(
  given: MoveInspection,
  pause: (seconds: number) => Promise<unknown> = (seconds) => wait(seconds * 1000),
): Promise<ReadonlyMap<string, Observed>> {
  const { places, options } = resolveInspection(given)
  const probes = given.urls.map((url) => new Probe(url, places, options))
  try {
    await Promise.all(probes.map((probe) => probe.make()))
    await pause(settled)
    return new Map(await Promise.all(probes.map(async (probe) => [probe.url, await probe.observe(pause)] as const)))
  } finally {
    await Promise.allSettled(probes.map((probe) => probe.remove()))
  }
}

interface Places {
  readonly oldPlace: OldPlace
  readonly newPlace: NewPlace
}

function resolveInspection(given: MoveInspection | undefined): { places: Places; options: ResolvedOptions } {
  const { old, own, secret, name, urls } = (given ?? {}) as Partial<MoveInspection>
  if (!Array.isArray(urls) || urls.length === 0) {
    throw new SessionError('INVALID_OPTION', 'urls is empty; give a URL of each process')
  }
  for (const url of urls) {
    const isWeb = typeof url === 'string' && /^https?:/.test(url) && URL.canParse(url)
    if (!isWeb) throw invalidOption('urls', url, "a list of URLs, such as 'http://10.0.0.1:3000/'")
  }
  if (jsonRecordsOf(old ?? {}) === undefined && !isExpressSessionStore(old)) {
    throw invalidOption('old', old, "a store written for express-session, or RedisStore with layout: 'express-session'")
  }
  if (!isSessionStore(own) && !isExpressSessionStore(own)) {
    throw invalidOption('own', own, 'the store that sessions move to, such as a RedisStore without layout')
  }
  const quiet = { resave: false, saveUninitialized: false, takeoverWindow: 60 }
  const options = resolveOptions({ ...quiet, secret, name, store: old, upcoming: own })
  if (options.move === undefined || options.secrets === undefined) {
    throw new SessionError('INVALID_OPTION', 'secret is needed; give what the app gives')
  }
  return { places: placesOf(options, options.move), options }
}

/** The sessions for one process. */
class Probe {
  readonly url: string
  readonly #old: OldPlace
  readonly #new: NewPlace
  readonly #options: ResolvedOptions
  readonly #inOld = mintId()
  readonly #inNew = mintId()
  readonly #ended = mintId()
  readonly #endsSoon = mintId()
  /** As `#endsSoon`, and sent to no process. */
  readonly #unused = mintId()
  readonly #sent = [this.#inOld, this.#inNew, this.#ended, this.#endsSoon]
  #made = 0

  constructor(url: string, { oldPlace, newPlace }: Places, options: ResolvedOptions) {
    this.url = url
    this.#old = oldPlace
    this.#new = newPlace
    this.#options = options
  }

  async make(): Promise<void> {
    this.#made = systemClock()
    await this.#old.create(this.#inOld, newSession(lifetime), false)
    await this.#new.claim(this.#inNew, newSession(lifetime))
    await this.#new.end(this.#ended)
    await this.#old.create(this.#ended, newSession(lifetime), false)
    for (const id of [this.#endsSoon, this.#unused]) await this.#old.create(id, newSession(shortLifetime), false)
  }

  async observe(pause: (seconds: number) => Promise<unknown>): Promise<Observed> {
    await Promise.all(this.#sent.map((id) => this.#get(id)))
    // A process that knows both places, and no other, removes an old record of what has ended.
    if ((await this.#old.snapshot(this.#ended)) === undefined) return this.#stage()
    await pause(Math.max(0, this.#made + lookAt - systemClock()))
    return this.#onlyPlace()
  }

  async #stage(): Promise<Observed> {
    if ((await this.#new.find(this.#inOld)).state === 'live') return 'take-over'
    // It has moved to another place than these stores know.
    if ((await this.#old.snapshot(this.#inOld)) === undefined) return 'no session'
    return (await this.#old.snapshot(this.#inNew)) === undefined ? 'upcoming' : 'give-back'
  }

  /** Where the process has recorded the use of a session. */
  async #onlyPlace(): Promise<Observed> {
    const found = await this.#new.find(this.#inNew)
    if (found.state === 'live' && this.#isExtended(found.session.cookie, lifetime)) return 'own only'
    const used = await this.#old.snapshot(this.#endsSoon)
    if (used === undefined) return 'no session'
    // Many stores move a session's end without changing its record.
    const isDropped = (await this.#old.snapshot(this.#unused)) === undefined
    return isDropped || this.#isExtended(used.cookie, shortLifetime) ? 'old only' : 'no session'
  }

  async remove(): Promise<void> {
    for (const id of [...this.#sent, this.#unused]) {
      await this.#new.end(id)
      await this.#old.end(id)
    }
  }

  #isExtended({ expires }: Cookie, seconds: number): boolean {
    return expires instanceof Date && expires.getTime() / 1000 > this.#made + seconds + settled / 2
  }

  async #get(id: string): Promise<void> {
    const { name, secrets = [] } = this.#options
    const [cookie = ''] = writeId(id, name, secrets, newCookie(lifetime)).split(';')
    const signal = AbortSignal.timeout(longestResponse * 1000)
    const { status } = await fetch(this.url, { headers: { cookie }, redirect: 'manual', signal }).then(
      async (response) => {
        await response.arrayBuffer()
        return response
      },
      (cause: unknown) => {
        throw new Error(`${this.url} did not respond`, { cause })
      },
    )
    if (status >= 500) throw new Error(`${this.url} responded with ${status}`)
  }
}

const newCookie = (seconds: number): Cookie => new Cookie({ path: '/', maxAge: seconds * 1000 })
const newSession = (seconds: number): NewSession => ({ cookie: newCookie(seconds), values: new Map(), owner: noOwner })
