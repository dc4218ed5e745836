/** A way of keeping sessions under which express-session's own suite runs. */
export type SuiteLayout =
  | 'in place'
  | 'hashed'
  | 'MemoryStore'
  | "RedisStore, layout: 'express-session'"
  | 'RedisStore'
  | 'upcoming'
  | 'migrateFrom'

const beforeHeaders = 'the error comes before the headers, not 200 and then an error'
const atStore = 'the case patches, or looks into, the MemoryStore that it gave, and another store is in its place'
const wholeSeconds = 'a session of 5 ms lives a second: Redis is given whole seconds, as connect-redis gives them'
const atRecords = 'the case looks for the record under the id; it is ours, under a handle'

type Cases = Readonly<Record<string, string>>

/** Fail with the store that the case gave, wherever our records are in it. */
const inTheirStore: Cases = {
  'session() should pass session fetch error': "503 with the store's error as its cause, not 500",
  'session() saveUninitialized option should pass session save error':
    '503 before the headers, not 200 and then an error',
  'session() req.session .cookie .* should forward errors setting cookie': beforeHeaders,
  'session() when session without cookie property in store should pass error from inflate':
    'a damaged record is no session, never an error',
  'session() resave option should default to true': 'resave has no effect',
  'session() resave option when true should force save on unmodified session': 'resave has no effect',
  'session() resave option when false should pass session touch error':
    'an access is recorded behind the response; a warning reports a failure',
  'session() unset option should pass session destroy error':
    'the session was never stored, so the store is not asked to destroy it',
}

/** Fail with express-session's records in place. */
const inPlace: Cases = {
  ...inTheirStore,
  'session() when response ended should have saved session with updated cookie expiration':
    'an access is recorded in steps of a twentieth of maxAge',
  'session() req.session .save() should prevent end-of-request save':
    'an unchanged session is touched, not stored again',
  'session() req.session .save() should prevent end-of-request save on reloaded session':
    'an unchanged session is touched, not stored again',
  'session() req.session .save() when saveUninitialized is false should prevent end-of-request save':
    'an unchanged session is touched, not stored again',
}

/** Fail where the store that the case gave is one that sessions are moved from. */
const movedFromTheirStore: Cases = {
  'session() should create a new session': atStore,
  'session() should pass session fetch error': atStore,
  'session() should treat ENOENT session fetch error as not found': atStore,
  'session() should create multiple sessions': atStore,
  'session() should handle reserved properties in storage': atStore,
  'session() when response ended should have saved session': atStore,
  'session() when response ended should have saved session even with empty response': atStore,
  'session() when response ended should have saved session even with multi-write': atStore,
  'session() when response ended should have saved session even with non-chunked response': atStore,
  'session() when response ended should have saved session with updated cookie expiration': atStore,
  'session() when sid not in store should create a new session': atStore,
  'session() when sid not in store should have a new sid': atStore,
  'session() when session without cookie property in store should pass error from inflate': atStore,
  'session() rolling option should force cookie and save uninitialized session if saveUninitialized option is set to true':
    atStore,
  'session() rolling option should force cookie and save modified session even if saveUninitialized option is set to false':
    atStore,
  'session() resave option should default to true': atStore,
  'session() resave option when true should force save on unmodified session': atStore,
  'session() resave option when false should prevent save on unmodified session': atStore,
  'session() resave option when false should still save modified session': atStore,
  'session() resave option when false should detect a "cookie" property as modified': atStore,
  'session() resave option when false should pass session touch error': atStore,
  'session() saveUninitialized option should default to true': atStore,
  'session() saveUninitialized option should force save of uninitialized session': atStore,
  'session() saveUninitialized option should still save modified session': atStore,
  'session() saveUninitialized option should pass session save error': atStore,
  'session() unset option should default to keep': atStore,
  'session() unset option should allow destroy on req.session = null': atStore,
  'session() unset option should pass session destroy error': atStore,
  'session() req.session should persist': atStore,
  'session() req.session .reload() should error is session missing': atStore,
  'session() req.session .save() should save session to store': atStore,
  'session() req.session .save() should prevent end-of-request save': atStore,
  'session() req.session .save() should prevent end-of-request save on reloaded session': atStore,
  'session() req.session .save() when saveUninitialized is false should prevent end-of-request save': atStore,
  'session() req.session .touch() should reset session expiration': atStore,
  'session() req.session .cookie .* should forward errors setting cookie': beforeHeaders,
}

/** Fail with another store than the one that the case gave. */
const inAnotherStore: Cases = {
  ...movedFromTheirStore,
  'session() req.session should not be set if store is disconnected': atStore,
  'session() req.session should be set when store reconnects': atStore,
}

/** Cases that fail on purpose, by full title, with what holds in their place. */
export const deliberate: Readonly<Record<SuiteLayout, Cases>> = {
  'in place': inPlace,
  hashed: {
    ...inTheirStore,
    'session() when response ended should have saved session with updated cookie expiration': atRecords,
    'session() should handle reserved properties in storage': atRecords,
    'session() req.session should persist': atRecords,
    'session() req.session .save() should save session to store': atRecords,
    'session() req.session .touch() should reset session expiration': atRecords,
  },
  MemoryStore: inAnotherStore,
  "RedisStore, layout: 'express-session'": {
    ...inAnotherStore,
    'session() when session expired in store should create a new session': wholeSeconds,
    'session() when session expired in store should have a new sid': wholeSeconds,
  },
  RedisStore: inAnotherStore,
  upcoming: inPlace,
  migrateFrom: movedFromTheirStore,
}
