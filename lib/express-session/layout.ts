import type { SessionStore } from '../session/store'
import type { ExpressSessionStore } from '../stores/express-session/express-session-store'
import { jsonRecordsOf } from '../stores/json-records'
import { HashedRecords } from './hashed-records'
import { InPlaceRecords } from './in-place-records'
import { JsonTextRecords } from './json-text-records'
import { MovingRecords } from './moving-records'
import { NewPlace } from './new-place'
import type { OldPlace } from './old-place'
import type { Records } from './records'
import type { ResolvedMove } from './resolve-move'
import type { ResolvedOptions } from './resolve-options'

/** The store decides the layout; two stores, a move between two. */
export function recordsFor(options: ResolvedOptions): Records {
  const { store, isHashed, move } = options
  if (move !== undefined) {
    const { oldPlace, newPlace } = placesOf(options, move)
    return new MovingRecords(oldPlace, newPlace, move.stage, options)
  }
  return isHashed ? new HashedRecords(store, options) : oldPlaceIn(store, options)
}

/** The two places of a move. */
export function placesOf(
  options: ResolvedOptions,
  { stage, other, window }: ResolvedMove,
): { readonly oldPlace: OldPlace; readonly newPlace: NewPlace } {
  const [from, to] = stage === 'take-over' ? [other, options.store] : [options.store, other]
  return { oldPlace: oldPlaceIn(from, options), newPlace: new NewPlace(to, options, window) }
}

/** Records of express-session. */
function oldPlaceIn(store: ExpressSessionStore | SessionStore, { storeTimeout, ttl }: ResolvedOptions): OldPlace {
  const texts = jsonRecordsOf(store)
  return texts === undefined
    ? new InPlaceRecords(store as ExpressSessionStore, storeTimeout, ttl)
    : new JsonTextRecords(texts, storeTimeout, ttl)
}
