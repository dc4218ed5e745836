import { inspect } from 'node:util'
import { SessionError, type SessionErrorCode } from '../../../lib/base/errors'

const failuresOfTheStore: SessionErrorCode[] = ['STORE_UNAVAILABLE', 'STORE_TIMEOUT']
const faultsOfTheApp: SessionErrorCode[] = ['INVALID_OPTION', 'SESSION_MISUSE', 'SESSION_TOO_LARGE']

test.each(failuresOfTheStore)('%s asks for 503 under both names that frameworks read', (code) => {
  const { status, statusCode, expose } = new SessionError(code, 'x')
  expect([status, statusCode, expose]).toEqual([503, 503, false])
})

test.each(faultsOfTheApp)('%s has no status, so that a framework responds with 500', (code) => {
  const { status, statusCode, expose } = new SessionError(code, 'x')
  expect([status, statusCode, expose]).toEqual([undefined, undefined, undefined])
})

test('a SessionError without a status shows none in a log', () => {
  expect(inspect(new SessionError('SESSION_MISUSE', 'x'))).not.toContain('undefined')
})
