/** P3: each key of each session is a register, and what a reader finds was written, and not overwritten. */
import type { Report } from './checker'
import { type Effect, type Effects, isKnown, type SessionLife } from './effects'
import { type History, type Operation, tick } from './history'

interface Reading {
  readonly operation: Operation
  readonly values: Readonly<Record<string, number>>
  /** The record was read in this span. */
  readonly from: number
  readonly to: number
}

export function checkReads({ operations }: History, { sessions }: Effects, report: Report): void {
  const readings = new Map<string, Reading[]>()
  for (const operation of operations) {
    const { seen, sentAt, actedAt, endedAt, act, result, id } = operation
    if (seen !== undefined && !isKnown(operation)) {
      const values = Object.keys(seen.values)
      if (values.length > 0) report('P9 leak', 'a new session was not empty', operation)
    }
    if (!isKnown(operation) || id === undefined) continue
    const values = act === 'job-get' ? (result as Record<string, number>) : seen?.values
    if (values === undefined) continue
    const handle = id.slice(0, 16)
    const list = readings.get(handle) ?? []
    list.push({ operation, values, from: sentAt, to: actedAt ?? endedAt })
    readings.set(handle, list)
  }
  const describe = (number: number) => {
    const { act, outcome, id, subject = '', sentAt, endedAt } = operations[number - 1]!
    return `${act} ${number} of ${(id ?? '').slice(0, 16)} ${subject}, ${outcome} in ${endedAt - sentAt} ms`
  }
  for (const session of sessions.values()) {
    for (const reading of readings.get(session.handle) ?? []) checkReading(session, reading, describe, report)
  }
}

function checkReading(
  session: SessionLife,
  reading: Reading,
  describe: (number: number) => string,
  report: Report,
): void {
  const { operation, values } = reading
  const writes = new Map<string, Effect[]>()
  for (const effect of session.effects) {
    if ((effect.kind !== 'set' && effect.kind !== 'unset') || effect.key === undefined) continue
    const ofKey = writes.get(effect.key)
    if (ofKey === undefined) writes.set(effect.key, [effect])
    else ofKey.push(effect)
  }
  for (const key of new Set([...writes.keys(), ...Object.keys(values)])) {
    const fault = judge(writes.get(key) ?? [], values[key], reading)
    if (fault === undefined) continue
    const value = values[key]
    report(fault[0], `${key}: ${fault[1]}${value === undefined ? '' : ` (${describe(value)})`}`, operation)
  }
}

function judge(
  writes: readonly Effect[],
  value: number | undefined,
  { from, to }: Reading,
): readonly [promise: string, what: string] | undefined {
  const before = (write: Effect): boolean => write.certain && write.to + tick < from
  if (value === undefined) {
    const lost = writes.find((write) => write.kind === 'set' && before(write) && !mayBeRemoved(write))
    return lost && ['P3 lost write', `set by ${lost.operation.act} ${lost.operation.number}, is not there`]
  }
  const written = writes.find((write) => write.kind === 'set' && write.operation.number === value)
  if (written === undefined) return ['P3 phantom', `${value} was never written to this session`]
  if (written.from > to + tick) return ['P3 phantom', `${value} was read before it was written`]
  if (written.zombie) return ['P5 zombie write', `${value} was written with an id that had been replaced`]
  const later = writes.find((write) => write !== written && write.from > written.to + tick && before(write))
  return later && ['P3 lost write', `${later.operation.act} ${later.operation.number} came after ${value}`]

  function mayBeRemoved(write: Effect): boolean {
    return writes.some(
      ({ kind, to: end, from: start }) => kind === 'unset' && end + tick >= write.from && start <= to + tick,
    )
  }
}
