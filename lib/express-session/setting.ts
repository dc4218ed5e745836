import type { ExpressSessionStore } from '../stores/express-session/express-session-store'
import type { Accesses } from './accesses'
import type { Records } from './records'
import type { ResolvedOptions } from './resolve-options'

/** What all requests of one middleware share. */
export interface Setting {
  readonly options: ResolvedOptions
  readonly records: Records
  /** `req.sessionStore`: takes ids, as a store of express-session's. */
  readonly store: ExpressSessionStore
  readonly accesses: Accesses
}
