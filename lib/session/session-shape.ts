/**
 * The keys and values of the app's sessions. Empty here; an app declares its own once, and `req.session` and every
 * `Session` know them from then on.
 *
 * @example
 * declare module 'holdfast' {
 *   interface SessionValues { cart: string[]; views: number }
 *   interface SessionFlash { notice: string }
 * }
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an app fills it by declaration merging
export interface SessionValues {}

/** The keys and values of the app's flash messages; see {@link SessionValues}. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an app fills it by declaration merging
export interface SessionFlash {}

/* eslint-disable @typescript-eslint/no-explicit-any -- an app that declared nothing may keep anything */
/** {@link SessionValues}; anything, as long as the app declared neither values nor flash messages. */
export type DefaultValues = [DeclaredKey] extends [never] ? Record<string, any> : SessionValues
/** {@link SessionFlash}; anything, as long as the app declared neither values nor flash messages. */
export type DefaultFlash = [DeclaredKey] extends [never] ? Record<string, any> : SessionFlash
// Both or none: `get` reads either, so an open one beside a declared one would let every misspelt key pass.
type DeclaredKey = keyof (SessionValues & SessionFlash)
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Values to set by key, as `update` takes them: null and undefined remove a key. */
// eslint-disable-next-line @typescript-eslint/no-redundant-type-constituents -- not where the app declared its shape
export type ValueChanges = { readonly [K in keyof DefaultValues]?: DefaultValues[K] | null | undefined }

/** A device as an app names it. The default device check compares `name` and `type`; an app may add its own. */
export interface UserSessionDevice {
  name?: string
  type?: string
  [key: string]: unknown
}

/** From where a session is used: recorded at login, compared at `UserSessionManager.read`. */
export interface UserSessionOperationContext<Device = UserSessionDevice, Location = unknown> {
  /** The client's address, as the app sees it: behind a proxy set Express' `trust proxy`. */
  ip: string
  device?: Device | undefined
  location?: Location | undefined
}
