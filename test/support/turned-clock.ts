/** A clock that a test turns by hand; Unix seconds. It begins now, because Redis drops keys by a clock of its own. */
export interface TurnedClock {
  (): number
  now: number
}

export function turnedClock(now = Math.floor(Date.now() / 1000)): TurnedClock {
  const clock: TurnedClock = Object.assign(() => clock.now, { now })
  return clock
}

/** Turns the machine's clock, `Date.now`, by as many seconds as it is called with, until mocks are restored. */
export function turnMachineClock(): (seconds: number) => void {
  let turned = 0
  const { now } = Date
  jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
  return (seconds) => void (turned += seconds * 1000)
}

/** The code of the error that a promise rejects with, or what it resolves to. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}
