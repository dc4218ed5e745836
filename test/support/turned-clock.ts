/** A clock that a test turns by hand; Unix seconds. It begins now, because Redis drops keys by a clock of its own. */
export interface TurnedClock {
  (): number
  now: number
}

export function turnedClock(now = Math.floor(Date.now() / 1000)): TurnedClock {
  const clock: TurnedClock = Object.assign(() => clock.now, { now })
  return clock
}

/** The code of the error that a promise rejects with, or what it resolves to. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}
