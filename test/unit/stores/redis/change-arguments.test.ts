import type { RecordChange } from '../../../../lib/session/record'
import { changeArguments } from '../../../../lib/stores/redis/change-arguments'

const bind = { subject: 'ann', context: { ip: '::1' }, createdAt: 2, idleUntil: 3.5, expiresAt: 9 }

test.each<[string, RecordChange, string[]]>([
  ['nothing', {}, ['1500 - 0']],
  ['an epoch', { epoch: 0 }, ['1500 0 0']],
  ['an access', { access: { accessedAt: 1.25, idleUntil: 2 } }, ['1500 - 0 a 1250 2000']],
  ['an access without an idle timeout', { access: { accessedAt: 1.25 } }, ['1500 - 0 a 1250 -']],
  [
    'a renewal',
    { epoch: 7, renew: { from: 'old', to: 'new', issuedAt: 1, previousUntil: 2 } },
    ['1500 7 0 n old - new 1000 2000'],
  ],
  [
    'a renewal while another is pending',
    { renew: { from: 'old', after: 'lost', to: 'new', issuedAt: 1, previousUntil: 2 } },
    ['1500 - 0 n old lost new 1000 2000'],
  ],
  ['a confirmation', { confirm: { hash: 'new', issuedAt: 1 } }, ['1500 - 0 c new 1000']],
  ['a replacement', { replace: { hash: 'new', issuedAt: 1 } }, ['1500 - 0 r new 1000']],
  ['a binding', { bind }, ['1500 - 0 b 2000 3500 9000', 'ann', '{"ip":"::1"}', 'u:ann']],
  ['a binding to no subject', { bind: { createdAt: 2, expiresAt: 9 } }, ['1500 - 0 b 2000 - 9000', '', '', 'u:ann']],
  ['nothing but empty fields', { fields: { set: new Map(), remove: [] } }, ['1500 - 0']],
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
    ['1500 - 2', 'v:c', 'v:d', 'v:a', '1', 'v:b', '2'],
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
    ['1500 1 1 a 1000 - r new 1000 b 2000 3500 9000', 'ann', '{"ip":"::1"}', 'u:ann', 'v:c', 'v:a', '1'],
  ],
])('the arguments of %s', (_, change, expected) => {
  expect(changeArguments(change, 1.5, 'u:ann')).toEqual(expected)
})

test('a binding without an index says so', () => {
  expect(changeArguments({ bind }, 1.5, undefined).at(-1)).toBe('')
})

test.each([
  [undefined, '1500 - 1 o -'],
  [1400, '1500 - 1 o 1400'],
])(
  'a change of a user that was bound before %p comes with the user, before all other arguments',
  (boundBefore, words) => {
    const change = { fields: { set: new Map([['v:a', '1']]), remove: ['v:c'] } }
    const owner = { subject: 'ann', boundBefore }
    expect(changeArguments(change, 1.5, undefined, owner)).toEqual([words, 'ann', 'v:c', 'v:a', '1'])
  },
)
