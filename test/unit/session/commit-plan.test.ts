import { planCommit, type CommitFacts, type CommitPlan } from '../../../lib/session/commit-plan'

const choices = {
  stored: ['stored', 'new'],
  destroyed: ['destroyed', 'alive'],
  changed: ['changed', 'same'],
  newId: ['none', 'regenerate', 'login'],
  renewalDue: ['due', 'young'],
  hasCookie: ['cookie', 'bare'],
  delivery: ['open', 'headers-sent', 'insecure'],
} as const

/**
 * The whole policy. A word in a column stands for itself, `|` for one of several, `*` for whatever the fact is; a row is
 * the outcome of every combination that it matches, and each combination is matched by exactly one row.
 *
 *   record   end         values    new id              id's age  cookie sent   delivery                 store     cookie  warning
 */
const table = `
   stored   destroyed   *         *                   *         *             open                     delete    clear   no
   stored   destroyed   *         *                   *         *             headers-sent|insecure    delete    none    no
   new      destroyed   *         *                   *         cookie        open                     nothing   clear   no
   new      destroyed   *         *                   *         bare          open                     nothing   none    no
   new      destroyed   *         *                   *         *             headers-sent|insecure    nothing   none    no

   new      alive       same      none                *         *             *                        nothing   none    no
   new      alive       same      regenerate|login    *         *             open                     insert    send    no
   new      alive       same      regenerate|login    *         *             headers-sent|insecure    nothing   none    yes
   new      alive       changed   *                   *         *             open                     insert    send    no
   new      alive       changed   *                   *         *             headers-sent|insecure    nothing   none    yes

   stored   alive       *         regenerate|login    *         *             open                     reissue   send    no
   stored   alive       changed   regenerate|login    *         *             headers-sent|insecure    update    none    yes
   stored   alive       same      regenerate|login    *         *             headers-sent|insecure    nothing   none    yes

   stored   alive       *         none                due       *             open                     renew     send    no
   stored   alive       changed   none                due       *             headers-sent|insecure    update    none    no
   stored   alive       same      none                due       *             headers-sent|insecure    nothing   none    no
   stored   alive       changed   none                young     *             *                        update    none    no
   stored   alive       same      none                young     *             *                        nothing   none    no
`

const names = Object.keys(choices) as (keyof typeof choices)[]
const rows = table
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => line.trim().split(/\s+/))

function combinations(at = 0): string[][] {
  const name = names[at]
  if (name === undefined) return [[]]
  return choices[name].flatMap((choice) => combinations(at + 1).map((rest) => [choice, ...rest]))
}

function matches(row: readonly string[], words: readonly string[]): boolean {
  return words.every((word, at) => row[at] === '*' || row[at]?.split('|').includes(word))
}

function factsOf(words: readonly string[]): CommitFacts {
  const [stored, destroyed, changed, newId, renewalDue, hasCookie, delivery] = words
  return {
    stored: stored === 'stored',
    destroyed: destroyed === 'destroyed',
    changed: changed === 'changed',
    newId: newId as CommitFacts['newId'],
    renewalDue: renewalDue === 'due',
    hasCookie: hasCookie === 'cookie',
    delivery: delivery as CommitFacts['delivery'],
  }
}

const cases = combinations().map((words) => ({
  words,
  name: words.join(' '),
  found: rows.filter((row) => matches(row, words)),
}))

test('the table has one row for each of the 288 combinations of facts, and no row for none', () => {
  expect(cases).toHaveLength(288)
  expect(cases.filter(({ found }) => found.length !== 1).map(({ name }) => name)).toEqual([])
  expect(rows.filter((row) => !cases.some(({ found }) => found.includes(row)))).toEqual([])
  expect(rows.every((row) => row.length === names.length + 3)).toBe(true)
})

test.each(cases)('$name', ({ words, found }) => {
  const [store, cookie, warned] = found[0]?.slice(names.length) ?? []
  const expected = { store, cookie, undeliverable: warned === 'yes' }
  expect(planCommit(factsOf(words))).toEqual(expected as CommitPlan)
})
