import { Cookie, slide } from '../../../lib/express-session/cookie'

afterEach(() => jest.restoreAllMocks())

/** A clock on which a millisecond passes between any two readings. */
function runningClock(): void {
  let now = Date.now()
  jest.spyOn(Date, 'now').mockImplementation(() => ++now)
}

test('a lifetime that is set is kept to the millisecond when the clock advances meanwhile', () => {
  runningClock()
  const cookie = new Cookie({ maxAge: 600_000 })
  expect(cookie.originalMaxAge).toBe(600_000)
  cookie.maxAge = 3_600_000
  expect(cookie.originalMaxAge).toBe(3_600_000)
})

test('a cookie does not lose a part of its lifetime with each use of its session', () => {
  runningClock()
  const cookie = new Cookie({ maxAge: 600_000 })
  for (let use = 0; use < 100; use++) slide(cookie)
  expect(cookie.originalMaxAge).toBe(600_000)
})
