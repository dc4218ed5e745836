import { readdirSync } from 'node:fs'
import { join } from 'node:path'

// All tests of the floors that mutation testing changes, as one file: each mutant is a run of Jest, which loads its own
// modules for each test file, and those take longer than these tests.
for (const floor of ['id', 'session', 'stores/redis']) {
  const folder = join(__dirname, '../unit', floor)
  for (const name of readdirSync(folder).sort()) {
    // That one is for the compiler, and loads the whole package.
    if (!name.endsWith('.test.ts') || name.startsWith('user-session-types')) continue
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as many as there are
    describe(`${floor}/${name}`, () => void require(join(folder, name)))
  }
}
