import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bind } from 'jest-each'

/*
 * Runs in the copy that run.mjs has made. All mutants are in its files, each behind a switch; here they are switched on one
 * after the other, and the tests that reach one are run until one fails. In one process, with every file loaded once: a run
 * of Jest for each mutant takes 0.3 s, most of it for Jest's own modules.
 */

interface Stryker {
  activeMutant?: string
  currentTestId?: string | undefined
  /** How often the active mutant was reached. More often than the limit throws: an endless loop. */
  hitCount?: number | undefined
  hitLimit?: number
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> }
}

type Act = () => unknown
interface Block {
  readonly name: string
  readonly before: Act[]
  readonly after: Act[]
}
interface Test {
  readonly name: string
  readonly act: Act
  readonly blocks: readonly Block[]
}

const globals = globalThis as unknown as Record<string, unknown> & { __stryker__?: Stryker }
const stryker: Stryker = (globals.__stryker__ ??= {})
const jestTest = test
const floors = ['id', 'session', 'stores/redis']
let tests: Test[] = []
const blocks: Block[] = []

/** In place of Jest's own: notes the tests instead of running them. */
function noteTests(): void {
  const describe = (name: unknown, fill: Act): void => {
    blocks.push({ name: String(name), before: [], after: [] })
    fill()
    blocks.pop()
  }
  const test = (name: string, act: Act): void => {
    tests.push({ name: [...blocks.map((block) => block.name), name].join(' '), act, blocks: [...blocks] })
  }
  const once = (): never => {
    throw new Error('a test of these floors needs no beforeAll and no afterAll')
  }
  Object.assign(globals, {
    describe: Object.assign(describe, { each: bind(describe as never, false) }),
    test: Object.assign(test, { each: bind(test as never, false) }),
    beforeEach: (act: Act) => blocks.at(-1)?.before.push(act),
    afterEach: (act: Act) => blocks.at(-1)?.after.push(act),
    beforeAll: once,
    afterAll: once,
  })
}

function loadTests(): void {
  tests = []
  jest.resetModules()
  for (const floor of floors) {
    const folder = join(__dirname, '../unit', floor)
    for (const name of readdirSync(folder).sort()) {
      // That one is for the compiler.
      if (!name.endsWith('.test.ts') || name.startsWith('user-session-types')) continue
      describe(name, () => jest.requireActual(join(folder, name)))
    }
  }
}

/** What the test throws. */
async function failureOf({ act, blocks }: Test): Promise<Error | undefined> {
  try {
    for (const { before } of blocks) for (const prepare of before) await prepare()
    await act()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    for (const { after } of blocks) for (const clean of after) await clean()
    jest.restoreAllMocks()
  }
}

jestTest(
  'mutants',
  async () => {
    const root = join(__dirname, '../..')
    noteTests()
    stryker.activeMutant = 'none'
    loadTests()
    for (const [index, test] of tests.entries()) {
      stryker.currentTestId = `test ${index}`
      const failure = await failureOf(test)
      if (failure !== undefined) throw new Error(`${test.name} fails without a mutant`, { cause: failure })
    }
    stryker.currentTestId = undefined
    const { static: atLoad = {}, perTest = {} } = stryker.mutantCoverage ?? {}
    const reached = tests.map((_, index) => perTest[`test ${index}`] ?? {})

    const results: Record<string, string> = {}
    for (const id of JSON.parse(readFileSync(join(root, 'mutants.json'), 'utf8')) as string[]) {
      const reaching = [...reached.keys()].filter((index) => reached[index]?.[id] !== undefined)
      results[id] = reaching.length > 0 ? 'survived' : id in atLoad ? 'static' : 'untested'
      stryker.activeMutant = id
      stryker.hitCount = 0
      stryker.hitLimit = 100 * reaching.reduce((hits, index) => hits + (reached[index]?.[id] ?? 0), 0)
      for (const index of reaching) {
        const test = tests[index]
        const failure = test && (await failureOf(test))
        if (failure === undefined) continue
        results[id] = failure.message.startsWith('Stryker: Hit count limit') ? 'endless' : 'killed'
        stryker.activeMutant = 'none'
        stryker.hitCount = undefined
        // What a mutant has left behind in a module would kill the mutants after it.
        if (test && (await failureOf(test)) !== undefined) loadTests()
        break
      }
    }
    writeFileSync(join(root, 'results.json'), JSON.stringify(results))
  },
  900_000,
)
