import type { RecordChange } from '../../../../lib/session/record'
import { changeArguments, fieldArguments, setsFieldsOnly } from '../../../../lib/stores/redis/change-arguments'

const bind = { subject: 'ann', context: { ip: '::1' }, createdAt: 2, idleUntil: 3.5, expiresAt: 9 }
const now = '0000000001500'
const fields = { set: new Map([['v:a', '1']]), remove: [] }

test.each<[string, RecordChange, string[]]>([
  ['nothing', {}, [`${now} - 0`]],
  ['an epoch', { epoch: 0 }, [`${now} 0 0`]],
  ['an access', { access: { accessedAt: 1.25, idleUntil: 2 } }, [`${now} - 0 a yq 1jk`]],
  ['an access without an idle timeout', { access: { accessedAt: 1.25 } }, [`${now} - 0 a yq -`]],
  [
    'a renewal',
    { epoch: 7, renew: { from: 'old', to: 'new', issuedAt: 1, previousUntil: 2 } },
    [`${now} 7 0 n old - new rs 1jk`],
  ],
  [
    'a renewal while another is pending',
    { renew: { from: 'old', after: 'lost', to: 'new', issuedAt: 1, previousUntil: 2 } },
    [`${now} - 0 n old lost new rs 1jk`],
  ],
  ['a confirmation', { confirm: { hash: 'new', issuedAt: 1 } }, [`${now} - 0 c new rs`]],
  ['a replacement', { replace: { hash: 'new', issuedAt: 1 } }, [`${now} - 0 r new rs`]],
  ['a binding', { bind }, [`${now} - 0 b 1jk 2p8 6y0`, 'ann', '{"ip":"::1"}', 'entry']],
  ['a binding to no subject', { bind: { createdAt: 2, expiresAt: 9 } }, [`${now} - 0 b 1jk - 6y0`, '', '', 'entry']],
  ['nothing but empty fields', { fields: { set: new Map(), remove: [] } }, [`${now} - 0`]],
  [
    'removals before what is set',
    {
      fields: {
        set: new Map([
          ['v:a', '1'],
          ['v:b', '2'],
        ]),
        remove: ['v:c', 'v:d'],
      },
    },
    [`${now} - 2`, 'v:c', 'v:d', 'v:a', '1', 'v:b', '2'],
  ],
  [
    'all of it, each argument at the place that its word gives it',
    {
      epoch: 1,
      access: { accessedAt: 1 },
      replace: { hash: 'new', issuedAt: 1 },
      bind,
      fields: { set: new Map([['v:a', '1']]), remove: ['v:c'] },
    },
    [`${now} 1 1 a rs - r new rs b 1jk 2p8 6y0`, 'ann', '{"ip":"::1"}', 'entry', 'v:c', 'v:a', '1'],
  ],
])('the arguments of %s', (_, change, expected) => {
  expect(changeArguments(change, 1.5, 'entry')).toEqual(expected)
})

test('a binding without an entry of the index says so', () => {
  expect(changeArguments({ bind }, 1.5, undefined).at(-1)).toBe('')
})

test.each([
  [undefined, `${now} - 1 o -`],
  [1400, `${now} - 1 o 0000000001400`],
])(
  'a change of a user that was bound before %p comes with the user, before all other arguments',
  (boundBefore, words) => {
    const change = { fields: { set: new Map([['v:a', '1']]), remove: ['v:c'] } }
    const owner = { subject: 'ann', boundBefore }
    expect(changeArguments(change, 1.5, undefined, owner)).toEqual([words, 'ann', 'v:c', 'v:a', '1'])
  },
)

test.each<[string, RecordChange, boolean]>([
  ['sets a field', { fields }, true],
  ['sets a field where the epoch is right', { epoch: 3, fields }, true],
  [
    'sets 500 fields',
    { fields: { set: new Map(Array.from({ length: 500 }, (_, n) => [`v:${n}`, ''])), remove: [] } },
    true,
  ],
  [
    'sets 501 fields',
    { fields: { set: new Map(Array.from({ length: 501 }, (_, n) => [`v:${n}`, ''])), remove: [] } },
    false,
  ],
  ['does nothing', {}, false],
  ['has no field to set', { fields: { set: new Map(), remove: [] } }, false],
  ['removes a field as well', { fields: { ...fields, remove: ['v:b'] } }, false],
  ['records an access as well', { fields, access: { accessedAt: 1 } }, false],
  ['confirms as well', { fields, confirm: { hash: 'new', issuedAt: 1 } }, false],
  ['renews as well', { fields, renew: { from: 'old', to: 'new', issuedAt: 1, previousUntil: 2 } }, false],
  ['replaces as well', { fields, replace: { hash: 'new', issuedAt: 1 } }, false],
  ['binds as well', { fields, bind }, false],
])('whether a change that %s goes to the short script', (_, change, isShort) => {
  expect(setsFieldsOnly(change)).toBe(isShort)
})

test('the short script gets the next millisecond, the epoch, a + unless it is to heal, and names and values', () => {
  const next = '0000000001501'
  expect(fieldArguments({ epoch: 12, fields }, 1.5, true)).toEqual([next, '12', 'v:a', '1'])
  expect(fieldArguments({ epoch: 12, fields }, 1.5, false)).toEqual([next, '12+', 'v:a', '1'])
  expect(fieldArguments({ fields }, 1.5, false)).toEqual([next, '-+', 'v:a', '1'])
  expect(fieldArguments({}, 1.5, true)).toEqual([next, '-'])
})
