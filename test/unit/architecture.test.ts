import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { preProcessFile } from 'typescript'

const lib = resolve(__dirname, '../../lib')

/** From the ground up. An import may point to its own room or to one on a lower floor; the rooms of one floor do not
 * know each other. What lies at the top of lib hands out (`assembly`) or is an entry point. */
const floors: readonly (readonly string[])[] = [
  ['base'],
  ['id', 'hold'],
  ['session'],
  ['stores'],
  ['service'],
  ['http', 'channels', 'users', 'express-session'],
]
const assembly = ['session-manager.ts', 'session-middleware.ts']
const entryPoints = ['index.ts', 'redis.ts', 'express-session.ts', 'check-move.ts']

interface Source {
  readonly text: string
  /** Files of lib that it imports, type imports included. */
  readonly imports: readonly string[]
  /** Everything else that it imports. */
  readonly packages: readonly string[]
}

const sources = new Map<string, Source>()
for (const entry of readdirSync(lib, { recursive: true, encoding: 'utf8' })) {
  if (!/\.[cm]?tsx?$/.test(entry)) continue
  const text = readFileSync(join(lib, entry), 'utf8')
  // The compiler's own scanner: it finds `import`, `export … from`, `import()` types and `require`, and no comment.
  const specifiers = preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
  sources.set(entry, {
    text,
    imports: specifiers
      .filter((it) => it.startsWith('.'))
      .map((it) => `${relative(lib, resolve(lib, dirname(entry), it))}.ts`),
    packages: specifiers.filter((it) => !it.startsWith('.')),
  })
}

const files = [...sources.keys()]
const edges = [...sources].flatMap(([from, { imports }]) => imports.map((to) => ({ from, to })))

const roomOf = (file: string): string => file.split('/')[0] ?? ''

function floorOf(file: string): number {
  if (entryPoints.includes(file)) return floors.length + 1
  if (assembly.includes(file)) return floors.length
  return floors.findIndex((rooms) => rooms.includes(roomOf(file)))
}

/** Whether an import stays in its room, or points to a lower floor. */
function pointsDown({ from, to }: { from: string; to: string }): boolean {
  return (
    roomOf(from) === roomOf(to) || floorOf(to) < floorOf(from) || (assembly.includes(from) && assembly.includes(to))
  )
}

function reachableFrom(start: string): Set<string> {
  const reached = new Set<string>()
  const open = [start]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue
    reached.add(file)
    open.push(...(sources.get(file)?.imports ?? []))
  }
  return reached
}

test('lib holds the rooms, the assembly and the entry points, and nothing else', () => {
  expect(files.length).toBeGreaterThan(10)
  expect(files.filter((file) => floorOf(file) === -1)).toEqual([])
})

test('every relative import names a file of lib', () => {
  expect(edges.length).toBeGreaterThan(20)
  expect(edges.filter(({ to }) => !sources.has(to))).toEqual([])
})

test('imports stay in their room or point to a lower floor', () => {
  expect(edges.filter((edge) => !pointsDown(edge))).toEqual([])
})

test('the hold knows no session, no store and no option: it imports base alone', () => {
  const fromHold = edges.filter(({ from }) => roomOf(from) === 'hold')
  expect(fromHold.length).toBeGreaterThan(5)
  expect(fromHold.filter(({ to }) => !['hold', 'base'].includes(roomOf(to)))).toEqual([])
})

test('no file imports an entry point', () => {
  expect(edges.filter(({ to }) => entryPoints.includes(to))).toEqual([])
})

test('no file imports itself by a detour', () => {
  const circles = files.filter((file) => sources.get(file)?.imports.some((to) => reachableFrom(to).has(file)))
  expect(circles).toEqual([])
})

test('the main entry point does not lead to redis', () => {
  const behind = [...reachableFrom('index.ts')]
  expect(behind.length).toBeGreaterThan(10)
  expect(behind.filter((file) => file.includes('redis'))).toEqual([])
  expect(behind.filter((file) => sources.get(file)?.packages.some((name) => /^@?redis\b/.test(name)))).toEqual([])
})

test('the main entry point and the one for apps of express-session lead to each other in no way', () => {
  const ofOurs = [...reachableFrom('index.ts')]
  const ofTheirs = [...reachableFrom('express-session.ts')]
  expect(ofTheirs.filter((file) => roomOf(file) === 'express-session').length).toBeGreaterThan(10)
  expect(ofOurs.filter((file) => roomOf(file) === 'express-session')).toEqual([])
  // Its types of `req.session` are those of express-session, and ours would clash with them.
  expect(ofTheirs.filter((file) => ['http', 'channels', 'users'].includes(roomOf(file)))).toEqual([])
})

test('what lib imports at run time is declared, and little', () => {
  const imported = new Set<string>()
  for (const { text } of sources.values()) {
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export) (?!type\b).*? from '([^'.][^']*)'/gm)) {
      if (!specifier.startsWith('node:')) imported.add(specifier)
    }
  }
  const { dependencies } = JSON.parse(readFileSync(resolve(lib, '../package.json'), 'utf8'))
  expect([...imported].sort()).toEqual(Object.keys(dependencies).sort())
})

test('no file is longer than 350 lines, none is called utils, all are in kebab-case', () => {
  expect(files.filter((file) => (sources.get(file)?.text.split('\n').length ?? 0) - 1 > 350)).toEqual([])
  expect(files.filter((file) => /(^|\/)utils?\.|helpers?\./.test(file))).toEqual([])
  expect(files.filter((file) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(file))).toEqual([])
})

test('no directory of lib has an index that gathers its files', () => {
  expect(files.filter((file) => file.endsWith('/index.ts'))).toEqual([])
})
