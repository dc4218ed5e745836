import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import original from 'express-session'
import ours from '../../lib/express-session'
import { judge, observe, type Observed } from '../../lib/express-session/inspect-move'
import { MemoryStore } from '../../lib/stores/memory-store'
import { stopApps } from '../support/app'
import { builtProgram } from '../support/built-program'
import { startCompatApp, usualOptions } from '../support/express-session-app'
import { type Generation, optionsAt } from '../support/move-run'

afterEach(stopApps)

const { secret } = usualOptions

test('the stage of each process is found by what it does to sessions of no user, which are removed afterwards', async () => {
  const stores = { old: new original.MemoryStore(), own: new MemoryStore() }
  const generations: readonly (Generation | 'theirs')[] = ['theirs', 'in place', 'upcoming', 'take-over', 'give-back']
  const urls: string[] = []
  for (const generation of generations) {
    const options = generation === 'theirs' ? { store: stores.old } : optionsAt(generation, stores)
    const session = generation === 'theirs' ? original : ours
    const { port } = await startCompatApp({ session, options, routes: { health: () => true } })
    urls.push(`http://127.0.0.1:${port}/health`)
  }
  const observed = await observe({ ...stores, secret, urls })
  expect(urls.map((url) => observed.get(url))).toEqual(['one place', 'one place', 'upcoming', 'take-over', 'give-back'])
  expect((stores.old as any).sessions).toEqual({})
})

test.each<[readonly Observed[], string, RegExp]>([
  [['one place', 'one place'], 'ready', /next step is upcoming/],
  [['one place', 'upcoming'], 'wait', /under way/],
  [['upcoming'], 'ready', /next step is migrateFrom/],
  [['upcoming', 'take-over'], 'wait', /under way/],
  [['take-over'], 'ready', /remove migrateFrom/],
  [['one place', 'upcoming', 'take-over'], 'unsafe', /upcoming everywhere, now/],
  [['upcoming', 'give-back'], 'wait', /under way/],
  [['give-back'], 'ready', /remove upcoming and moveBack/],
])('%j: %s', (observed, state, text) => {
  expect(judge(observed)).toEqual({ state, text: expect.stringMatching(text) })
})

test('wrong input is refused', async () => {
  const stores = { old: new ours.MemoryStore(), own: new MemoryStore() }
  const invalid = expect.objectContaining({ code: 'INVALID_OPTION' })
  await expect(observe({ ...stores, secret, urls: [] })).rejects.toEqual(invalid)
  await expect(observe({ ...stores, secret: undefined, urls: ['http://127.0.0.1'] })).rejects.toEqual(invalid)
  await expect(observe({ ...stores, own: undefined, secret, urls: ['http://127.0.0.1'] })).rejects.toEqual(invalid)
})

test('the command says what it needs, and ends with 2 for a process that does not respond', async () => {
  const program = builtProgram(join(__dirname, '../../lib/check-move.ts'))
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [program, ...args])
    let said = ''
    child.stderr.on('data', (chunk) => (said += String(chunk)))
    const [code] = (await once(child, 'close')) as [number]
    return { code, said }
  }
  expect(await run()).toEqual({ code: 2, said: expect.stringContaining('Usage: holdfast-check-move <module>') })
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-check-'))
  try {
    const config = join(directory, 'config.mjs')
    writeFileSync(
      config,
      "export default { old: {}, own: {}, secret: 'a secret of the app', urls: ['http://127.0.0.1:9/'] }",
    )
    expect(await run(config)).toEqual({ code: 2, said: expect.stringContaining('store is an object; it accepts') })
  } finally {
    rmSync(directory, { recursive: true })
  }
})
