/** A channel closes with its session, not before, and shows what the session holds. */
import type { Report } from './checker'
import { type Effects, mayBeIdle, type Renewal } from './effects'
import { type FaultSpan, type History, tick } from './history'

/** Milliseconds in which a change notification arrives, on a machine that has other things to do. */
const promptly = 5000

export function checkSockets(history: History, { sessions, renewals }: Effects, report: Report): void {
  const { sockets, faults, restFrom, atRest, options } = history
  for (const socket of sockets) {
    const session = sessions.get(socket.handle)
    if (session === undefined) continue
    const ends = session.effects.filter(
      ({ kind, to, from }) =>
        (kind === 'end' || kind === 'replace') && (to > socket.openedAt || from > socket.openedAt),
    )
    const until = socket.closedAt ?? Infinity
    const isOver = socket.code === 4401
    if (isOver && !ends.some(({ from }) => from <= until + tick) && !mayBeIdle(history, session, until)) {
      if (!mayBeRenewed(history, renewals, socket.id)) {
        report(
          'socket closed',
          `${socket.handle}: "${socket.reason}" after ${until - socket.openedAt} ms, nothing ended its session`,
        )
      }
    }
    // Opened before, so that the channel was there when its session ended.
    const over = ends.find(({ certain, from, to }) => certain && from > socket.openedAt + 500 && to < restFrom)
    if (over !== undefined) {
      const limit = isQuiet(faults, over.from, over.to + promptly) ? over.to + promptly : restFrom + promptly
      const { act, number } = over.operation
      if (until > limit && until !== Infinity) {
        report('socket late', `${act} ${number} ended it ${until - over.to} ms before`)
      }
      if (until === Infinity) report('socket left', `${act} ${number} ended its session`)
    }
    if (socket.closedAt !== undefined || over !== undefined) continue
    const held = atRest.get(socket.handle)
    if (
      held === undefined &&
      ends.length === 0 &&
      options.timeouts.renewal === undefined &&
      !mayBeIdle(history, session, restFrom)
    ) {
      report('socket left', `${socket.handle}: its session is not there`)
    }
    if (held !== undefined && !isSame(held, socket.view)) {
      report('socket view', `${JSON.stringify(socket.view)} for ${JSON.stringify(held)}`)
    }
  }
}

/** An id that a renewal replaced keeps no channel when its overlap is over. The response with the new id may be lost. */
function mayBeRenewed({ operations, options }: History, renewals: readonly Renewal[], id: string): boolean {
  if (options.timeouts.renewal === undefined) return false
  return renewals.some(({ from }) => from === id) || operations.some((one) => one.id === id && one.outcome !== 'ok')
}

/** Nothing was wrong for a while before either, so that no connection was still on its way back. */
function isQuiet(faults: readonly FaultSpan[], from: number, to: number): boolean {
  return !faults.some((fault) => fault.from <= to && fault.to + 3000 >= from)
}

export function isSame(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>> | undefined,
): boolean {
  const sorted = (values: object = {}) => JSON.stringify(Object.entries(values).sort())
  return sorted(one) === sorted(other)
}
