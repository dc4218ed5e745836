import { check } from './checker'
import { runOnce } from './harness'
import { mutants } from './mutants'
import { profiles } from './profiles'
import { buildProgram, patched } from './program'

// The short run; `npm run test:model` has the long ones, with everything that can go wrong.
test.each(['plain', 'long-lived'])(
  'random operations in three processes keep every promise: %s',
  async (name) => {
    const seed = Math.floor(Math.random() * 1e9)
    const history = await runOnce(await buildProgram(), { ...profiles[name], seed, seconds: 2 })
    const violations = check(history)
    expect({ seed, violations }).toEqual({ seed, violations: [] })
    expect(history.operations.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(50)
  },
  60_000,
)

test.each(mutants)('the broken copy $name can be made', (mutant) => {
  expect(patched(mutant)).toContain(mutant.to)
})

test('every broken copy names a run', () => {
  expect(mutants.filter(({ profile }) => !(profile in profiles))).toEqual([])
})
