/** A way of keeping sessions under which express-session's own suite runs. */
export type SuiteLayout = 'in place' | 'hashed'

const atRecords = 'the case looks for the record under the id; it is ours, under a handle'

/** Cases that fail on purpose, by full title, with what holds in their place. */
export const deliberate: Readonly<Record<SuiteLayout, Readonly<Record<string, string>>>> = {
  'in place': {
    'session() should pass session fetch error': "503 with the store's error as its cause, not 500",
    'session() saveUninitialized option should pass session save error':
      '503 before the headers, not 200 and then an error',
    'session() req.session .cookie .* should forward errors setting cookie':
      'the error comes before the headers, not 200 and then an error',
    'session() when session without cookie property in store should pass error from inflate':
      'a damaged record is no session, never an error',
    'session() resave option should default to true': 'resave has no effect',
    'session() resave option when true should force save on unmodified session': 'resave has no effect',
    'session() resave option when false should pass session touch error':
      'an access is recorded behind the response; a warning reports a failure',
    'session() when response ended should have saved session with updated cookie expiration':
      'an access is recorded in steps of a twentieth of maxAge',
    'session() unset option should pass session destroy error':
      'the session was never stored, so the store is not asked to destroy it',
    'session() req.session .save() should prevent end-of-request save':
      'an unchanged session is touched, not stored again',
    'session() req.session .save() should prevent end-of-request save on reloaded session':
      'an unchanged session is touched, not stored again',
    'session() req.session .save() when saveUninitialized is false should prevent end-of-request save':
      'an unchanged session is touched, not stored again',
  },
  hashed: {
    'session() should pass session fetch error': "503 with the store's error as its cause, not 500",
    'session() saveUninitialized option should pass session save error':
      '503 before the headers, not 200 and then an error',
    'session() req.session .cookie .* should forward errors setting cookie':
      'the error comes before the headers, not 200 and then an error',
    'session() when session without cookie property in store should pass error from inflate':
      'a damaged record is no session, never an error',
    'session() resave option should default to true': 'resave has no effect',
    'session() resave option when true should force save on unmodified session': 'resave has no effect',
    'session() resave option when false should pass session touch error':
      'an access is recorded behind the response; a warning reports a failure',
    'session() unset option should pass session destroy error':
      'the session was never stored, so the store is not asked to destroy it',
    'session() when response ended should have saved session with updated cookie expiration': atRecords,
    'session() should handle reserved properties in storage': atRecords,
    'session() req.session should persist': atRecords,
    'session() req.session .save() should save session to store': atRecords,
    'session() req.session .touch() should reset session expiration': atRecords,
  },
}
