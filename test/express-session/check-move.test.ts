import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import original from 'express-session'
import ours from '../../lib/express-session'
import createMemoryStore from 'memorystore'
import { observe, type Observed } from '../../lib/express-session/inspect-move'
import { judge } from '../../lib/express-session/judge-move'
import { MemoryStore } from '../../lib/stores/memory-store'
import { passTurns, stopApps } from '../support/app'
import { builtProgram } from '../support/built-program'
import { startCompatApp, usualOptions } from '../support/express-session-app'
import { type Generation, type MoveStores, optionsAt } from '../support/move-run'
import { turnMachineClock } from '../support/turned-clock'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const { secret } = usualOptions
const generations: readonly (Generation | 'theirs')[] = [
  'theirs',
  'in place',
  'upcoming',
  'take-over',
  'give-back',
  'moved',
]
const expected: readonly Observed[] = ['old only', 'old only', 'upcoming', 'take-over', 'give-back', 'own only']

/** A pause that turns the clock, once the responses before it are over. */
function turnedPause(): (seconds: number) => Promise<void> {
  const turn = turnMachineClock()
  return async (seconds) => {
    await passTurns()
    turn(seconds)
  }
}

async function startAt(generation: Generation | 'theirs', stores: MoveStores, own = {}): Promise<string> {
  const options = generation === 'theirs' ? { store: stores.old } : optionsAt(generation, stores)
  const session = generation === 'theirs' ? original : ours
  const routes = { health: () => true, broken: (_req: unknown, res: any) => void ((res.statusCode = 503), res.end()) }
  const { port } = await startCompatApp({ session, options: { ...options, ...own }, routes })
  return `http://127.0.0.1:${port}/health`
}

const oldPlaces = [
  { name: 'MemoryStore of express-session', open: () => new original.MemoryStore() },
  { name: 'memorystore', open: () => new (createMemoryStore(original))({ checkPeriod: 0 }) },
  {
    name: 'memorystore that keeps each session for an hour',
    open: () => new (createMemoryStore(original))({ ttl: 3_600_000 }),
  },
]

test.each(oldPlaces)(
  '$name: the stage of each process is found by what it does to sessions of no user, which are removed afterwards',
  async ({ open }) => {
    const pause = turnedPause()
    const stores = { old: open(), own: new MemoryStore() }
    const observed: (Observed | undefined)[] = []
    for (const generation of generations) {
      const url = await startAt(generation, stores)
      observed.push((await observe({ ...stores, secret, urls: [url] }, pause)).get(url))
    }
    expect(observed).toEqual(expected)
    const all = await new Promise<object | null>((resolve) =>
      (stores.old as any).all((_error: unknown, found: any) => resolve(found)),
    )
    expect(Object.keys(all ?? {})).toEqual([])
  },
)

test('processes are observed beside each other, and not by their session of another name', async () => {
  const pause = turnedPause()
  const stores = { old: new original.MemoryStore(), own: new MemoryStore() }
  const urls: string[] = []
  for (const generation of ['upcoming', 'take-over', 'give-back'] as const) {
    urls.push(await startAt(generation, stores, { name: 'shop' }))
  }
  const observed = await observe({ ...stores, secret: [secret, 'an older one'], name: 'shop', urls }, pause)
  expect(urls.map((url) => observed.get(url))).toEqual(['upcoming', 'take-over', 'give-back'])
})

test.each(generations)('%s: a process that shows no session of these stores is at no stage', async (generation) => {
  const pause = turnedPause()
  const stores = { old: new original.MemoryStore(), own: new MemoryStore() }
  const url = await startAt(generation, stores)
  const other = { old: new original.MemoryStore(), own: new MemoryStore() }
  for (const given of [
    { ...stores, secret: 'not that of the app' },
    { ...stores, secret, name: 'other' },
    { ...other, secret },
  ]) {
    expect((await observe({ ...given, urls: [url] }, pause)).get(url)).toBe('no session')
  }
  // Sessions that move do so to a place that is not the given one.
  const found = (await observe({ old: stores.old, own: other.own, secret, urls: [url] }, pause)).get(url)
  expect(found).toBe({ 'take-over': 'no session', moved: 'no session' }[generation as string] ?? 'old only')
})

test.each<[readonly Observed[], string, RegExp]>([
  [['old only', 'old only'], 'ready', /next step is upcoming/],
  [['old only', 'upcoming'], 'wait', /under way.* as long as no process with migrateFrom has run/],
  [['upcoming'], 'ready', /next step is migrateFrom/],
  [['upcoming', 'take-over'], 'wait', /under way[^.]*\. Check again when it is done\.$/],
  [['take-over'], 'ready', /remove migrateFrom/],
  [['take-over', 'own only'], 'wait', /under way.* migrateFrom beside own only is safe when the longest lifetime/],
  [['own only'], 'ready', /The move is over/],
  [
    ['old only', 'upcoming', 'take-over'],
    'unsafe',
    /at migrateFrom\. They do not know own: .*upcoming everywhere, now/,
  ],
  [
    ['own only', 'old only'],
    'unsafe',
    /are own only .* at old only\. They do not know old: .*upcoming everywhere, now/,
  ],
  [['upcoming', 'own only'], 'unsafe', /upcoming everywhere, now/],
  [['own only', 'give-back'], 'unsafe', /at moveBack\. They do not know old: /],
  [['upcoming', 'give-back'], 'wait', /under way[^.]*\. Check again when it is done\.$/],
  [['give-back', 'take-over'], 'wait', /under way[^.]*\. Check again when it is done\.$/],
  [['give-back', 'old only'], 'wait', /under way.* moveBack beside old only is safe when the longest lifetime/],
  [['give-back'], 'ready', /remove upcoming and moveBack/],
  [['no session'], 'unknown', /^A process does not show .*secret/],
  [['upcoming', 'no session'], 'unknown', /^A process does not show .*secret/],
  [[], 'unknown', /secret/],
])('%j: %s', (observed, state, text) => {
  expect(judge(observed)).toEqual({ state, text: expect.stringMatching(text) })
})

test('wrong input is refused, by the name that it has in the module', async () => {
  const stores = { old: new ours.MemoryStore(), own: new MemoryStore() }
  const urls = ['http://127.0.0.1:9/']
  for (const [given, message] of [
    [undefined, /^urls is empty/],
    [{ ...stores, secret, urls: [] }, /^urls is empty/],
    [{ ...stores, secret, urls: urls[0] }, /^urls is empty/],
    [{ ...stores, secret, urls: ['10.0.0.1:3000'] }, /^urls is .* it accepts a list of URLs/],
    [{ ...stores, secret: undefined, urls }, /^secret /],
    [{ ...stores, own: undefined, secret, urls }, /^own is undefined; it accepts the store that sessions move to/],
    [{ old: stores.own, own: stores.own, secret, urls }, /^old is .* it accepts a store written for express-session/],
  ] as const) {
    await expect(observe(given as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(message),
    })
  }
})

test('a process that does not respond, or with an error, is named, and nothing stays in the stores', async () => {
  const pause = turnedPause()
  const stores = { old: new original.MemoryStore(), own: new MemoryStore() }
  const url = await startAt('upcoming', stores)
  for (const [bad, message] of [
    ['http://127.0.0.1:9/', 'http://127.0.0.1:9/ did not respond'],
    [url.replace('health', 'broken'), /broken responded with 503$/],
  ] as const) {
    await expect(observe({ ...stores, secret, urls: [url, bad] }, pause)).rejects.toThrow(message)
    expect((stores.old as any).sessions).toEqual({})
  }
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
    expect(await run(config)).toEqual({ code: 2, said: expect.stringContaining('old is an object; it accepts') })
  } finally {
    rmSync(directory, { recursive: true })
  }
})
