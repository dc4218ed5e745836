import { KeptSession } from '../../../../lib/stores/memory/kept-session'
import { newHandle, recordWith } from '../../../contract/samples'

const newRandom = (seed: number) => () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648

test.each<[string, (random: () => number) => number]>([
  ['today, to the millisecond', (random) => Math.round(1.8e12 + random() * 1e10) / 1000],
  ['today, to the last bit', (random) => 1.8e9 + random() * 1e7],
  ['near zero', (random) => random() * 1000],
  ['of any size', (random) => (random() - 0.5) * 10 ** Math.floor(random() * 18)],
])('every instant comes back to the last bit: %s', (_range, instant) => {
  const random = newRandom(20261121)
  for (let i = 0; i < 2000; i++) {
    const record = recordWith({
      createdAt: instant(random),
      issuedAt: instant(random),
      accessedAt: instant(random),
      expiresAt: instant(random),
      idleUntil: i % 2 === 0 ? instant(random) : undefined,
      previousUntil: i % 3 === 0 ? instant(random) : undefined,
    })
    expect(new KeptSession(newHandle(), { record, fields: new Map() }).toRecord()).toEqual(record)
  }
})
