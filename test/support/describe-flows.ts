import { expresses } from '../ecosystem/beside-bare'
import { expressSession, type Flow, programs, seenOf } from './same-flow'

/** A flow with its title, what it finds out, and the statuses of its responses, all as with express-session. */
export type NamedFlow = readonly [name: string, flow: Flow, result: unknown, statuses: readonly number[]]

/** Each flow on each Express: a client sees of ours what it sees of express-session. */
export function describeSameFlows(flows: readonly NamedFlow[]): void {
  describe.each(expresses)('on %s', (_express, create) => {
    test.each(flows)('%s: the same as on express-session', async (_name, flow, result, statuses) => {
      const expected = await seenOf(create, expressSession, flow)
      expect(expected.shown.map(({ status }) => status)).toEqual(statuses)
      expect(expected.result).toEqual(result)
      for (const sessions of programs) expect(await seenOf(create, sessions, flow)).toEqual(expected)
    })
  })
}
