import { RecentKeys } from '../../../lib/base/recent-keys'
import { RenewalTracker } from '../../../lib/service/renewal-tracker'

function track(all?: RecentKeys): { tracker: RenewalTracker; calls: string[] } {
  const calls: string[] = []
  const tracker = new RenewalTracker(
    {
      onRenewMadeAlreadyFromCurrentProcess: (name) => calls.push(`here ${name}`),
      onRenewMadeAlreadyFromAnotherProcess: (name) => calls.push(`elsewhere ${name}`),
    },
    all,
  )
  return { tracker, calls }
}

test('a renewal is given to one caller, until it is abandoned', () => {
  const { tracker, calls } = track()
  expect([tracker.begin('a', 'A', 1), tracker.begin('a', 'A', 2), tracker.begin('b', 'B', 2)]).toEqual([
    true,
    false,
    true,
  ])
  expect(calls).toEqual(['here A'])
  tracker.abandon('a')
  expect(tracker.begin('a', 'A', 3)).toBe(true)
})

test('a renewal that was made is not begun again before its overlap is over', () => {
  const { tracker, calls } = track()
  tracker.begin('a', 'A', 1)
  tracker.succeed('a', 10, 1)
  expect([tracker.begin('a', 'A', 9), tracker.begin('a', 'A', 10)]).toEqual([false, true])
  expect(calls).toEqual(['here A'])
})

test('a renewal that another process has made is reported as such, once lost and at each further call', () => {
  const { tracker, calls } = track()
  tracker.begin('a', 'A', 1)
  tracker.lose('a', 'A', 10, 1)
  expect([tracker.begin('a', 'A', 9), tracker.begin('a', 'A', 10)]).toEqual([false, true])
  expect(calls).toEqual(['elsewhere A', 'elsewhere A'])
})

test('trackers that share their renewals give each to one caller, and report for each whether it was their own', () => {
  const all = new RecentKeys(Infinity)
  const [one, other] = [track(all), track(all)]
  expect([one.tracker.begin('a', 'A', 1), other.tracker.begin('a', 'A', 1)]).toEqual([true, false])
  one.tracker.succeed('a', 10, 1)
  one.tracker.report('a', 'A', 2)
  other.tracker.report('a', 'A', 2)
  expect([one.calls, other.calls]).toEqual([['here A'], ['elsewhere A', 'elsewhere A']])
})

test('a hook that throws costs no caller its renewal', () => {
  const tracker = new RenewalTracker({
    onRenewMadeAlreadyFromCurrentProcess: () => {
      throw new Error('log full')
    },
  })
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  tracker.begin('a', 'A', 1)
  expect(tracker.begin('a', 'A', 1)).toBe(false)
  expect(String(warned.mock.calls[0]?.[0])).toContain('log full')
  warned.mockRestore()
})
