import { addressOf } from './guide-address'

/**
 * Every warning of the package by its code, which is part of the API: codes never change their meaning, texts may. A text
 * says what is wrong and what to do; it never holds an id, a cookie, a secret or session data. The guide's page
 * "Troubleshooting" has a section for each code, and each message ends with its address.
 */
const texts = {
  HOLDFAST_ACCESS_NOT_RECORDED: 'an access could not be recorded, so the session may end early',
  HOLDFAST_CHANNEL_ORIGIN_REFUSED:
    'the WebSocket of a page of another origin was refused; if that page is yours, or a proxy changes the Host header, name its origin in the option allowedOrigins',
  HOLDFAST_CHANNELS_WITHOUT_NEWS:
    'the session store could not be subscribed to: until it can, channels learn of changes only from their periodic check',
  HOLDFAST_COOKIE_AFTER_HEADERS:
    'a session was started, or given a new id, after the headers of the response had been sent: its cookie cannot reach the client, so the new id was not issued; change the session before the first write',
  HOLDFAST_ERROR_NOT_ANSWERED:
    'a session could not be stored and next(error) was called for that, but no error handler has sent a response since; the request got 503',
  HOLDFAST_FLASH_NOT_STORED:
    'a session was ended, as the app asked, but the flash message for the next page could not be stored and is lost',
  HOLDFAST_HOOK_FAILED: 'a hook of renewSessionHooks threw',
  HOLDFAST_HOST_PREFIX:
    "the cookie name begins with __Host-: browsers accept that only with cookie.secure, with cookie.path '/' and without cookie.domain",
  HOLDFAST_LOOKS_LIKE_MILLISECONDS:
    'an option that is in seconds has a value that is more likely meant in milliseconds; divide it by 1000 if it is',
  HOLDFAST_MEMORY_STORE:
    'sessions are kept in the memory of this process: a restart forgets them and a second process does not know them; in production give the option store, for example a RedisStore from "holdfast/redis"',
  HOLDFAST_MEMORY_STORE_FULL:
    'MemoryStore is full, so a session that had not expired was evicted: raise maxSessions or maxTotalBytes, or use another store; if visitors are few, find out what makes so many sessions',
  HOLDFAST_MEMORY_STORE_IN_SEVERAL_PROCESSES:
    'sessions are kept in the memory of this process, and this process is one of several (cluster, pm2): a request that another one gets finds no session, so users are signed out at random; give the option store, for example a RedisStore from "holdfast/redis"',
  HOLDFAST_REDIS_CLIENT_WITHOUT_DUPLICATE:
    'RedisStore: the client has no duplicate(), so channels learn of changes only from their periodic check',
  HOLDFAST_REDIS_EVICTION:
    "RedisStore: this Redis removes keys when its memory is full, the index of a user's sessions before the sessions: users are signed out at random, and deleteAll misses sessions; set maxmemory-policy to noeviction",
  HOLDFAST_REDIS_NEWS_FORBIDDEN:
    'RedisStore: the user of this Redis may not publish or subscribe, so channels learn of changes only from their periodic check; allow it the channels that start with the prefix of the store (ACL SETUSER ... &sess:news*)',
  HOLDFAST_RESAVE:
    'resave is true or undefined and has no effect: to store unchanged sessions again is what loses the changes of parallel requests; set it to false',
  HOLDFAST_SAME_SITE_NONE:
    "cookie.sameSite is 'none' without cookie.secure: browsers refuse such a cookie; set cookie.secure to true",
  HOLDFAST_SAVE_FAILED_AFTER_END: 'a session that was changed after its response had ended could not be stored',
  HOLDFAST_SAVE_FAILED_AFTER_HEADERS:
    'a response was cut off after its headers had been sent: its session could not be stored, or Node refused the rest of it',
  HOLDFAST_SAVE_UNINITIALIZED:
    'saveUninitialized is undefined and counts as true: each visitor without a cookie costs a stored session; set it to false',
  HOLDFAST_SECURE_COOKIE_NOT_SENT:
    "cookie.secure is true and the request was not secure, so no session cookie was sent; serve the app over TLS, or leave cookie.secure at 'auto'; behind a proxy that ends TLS set app.set('trust proxy', 1) in Express, or req.secure = true elsewhere",
  HOLDFAST_SHORT_SECRET: 'the option secret has fewer than 16 characters and can be guessed; use 32 random bytes',
  HOLDFAST_UNKNOWN_OPTION: 'session() was given an option that it does not know',
  HOLDFAST_UNTRUSTED_PROXY:
    "a request claims that a proxy received it over TLS, but the app does not trust proxies, so the session cookie was sent without Secure, or in production not at all; if there is a proxy, set app.set('trust proxy', 1) in Express, or req.secure = true elsewhere",
  HOLDFAST_VALUE_NOT_KEPT: 'a session value, or a part of it, is lost when it is stored',
} as const satisfies Record<`HOLDFAST_${string}`, string>

export type WarningCode = keyof typeof texts

/** Milliseconds between two reports of the same code by {@link warnRarely}. */
const reportInterval = 60_000

const warnedOnce = new Set<WarningCode>()
const windows = new Map<WarningCode, { suppressed: number; readonly timer: NodeJS.Timeout }>()

/**
 * Warns the operator of something that is legal but harmful, through `process.emitWarning`, so that `--no-warnings`,
 * `--trace-warnings` and `process.on('warning')` work as for Node's own.
 *
 * @param detail What is known of this case. Nothing that could hold an id, a cookie, a secret or session data.
 */
export function warn(code: WarningCode, detail?: string): void {
  const text: string = texts[code]
  const message = detail === undefined ? text : `${text} (${detail})`
  process.emitWarning(`${message} (see ${addressOf(code)})`, { type: 'HoldfastWarning', code })
}

/** As {@link warn}, but only the first time in this process for the same code: for a setting, which does not change. */
export function warnOnce(code: WarningCode, detail?: string): void {
  if (warnedOnce.has(code)) return
  warnedOnce.add(code)
  warn(code, detail)
}

/**
 * As {@link warn}, but at most once a minute for the same code, with the number of those that were held back: for what a
 * client or an outage causes at every request. Costs one timer for each code that is in use; it never keeps the process
 * alive.
 */
export function warnRarely(code: WarningCode, detail?: string): void {
  const window = windows.get(code)
  if (window !== undefined) {
    window.suppressed++
    return
  }
  openWindow(code)
  warn(code, detail)
}

function openWindow(code: WarningCode): void {
  const timer = setTimeout(() => {
    const suppressed = windows.get(code)?.suppressed ?? 0
    windows.delete(code)
    if (suppressed === 0) return
    openWindow(code)
    warn(code, `${suppressed} more in the last minute`)
  }, reportInterval)
  timer.unref()
  windows.set(code, { suppressed: 0, timer })
}

/** Forgets what was reported, so that each test sees a warning for the first time. */
export function forgetWarnings(): void {
  warnedOnce.clear()
  for (const { timer } of windows.values()) clearTimeout(timer)
  windows.clear()
}
