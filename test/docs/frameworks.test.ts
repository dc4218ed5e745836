import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** The guide's table of what was tried, beside the tests that try it. */

const root = resolve(__dirname, '../..')
const page = join(root, 'docs/guide/frameworks.md')

interface Row {
  readonly packages: readonly string[]
  /** From the root. */
  readonly tests: readonly string[]
}

const text = readFileSync(page, 'utf8')
const table = /^\| package [^]*?\n\n/m.exec(text)?.[0] ?? ''
const rows = table
  .trim()
  .split('\n')
  .slice(2)
  .map((line): Row => {
    const [, packages = '', ...cells] = line.split('|')
    return {
      packages: [...packages.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
      tests: [...(cells.at(-2) ?? '').matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) =>
        relative(root, join(dirname(page), path)),
      ),
    }
  })

const folders = ['test/ecosystem', 'test/ecosystem/heavy', 'test/express-session/libraries']
const tests = folders
  .flatMap((folder) => readdirSync(join(root, folder)).map((file) => `${folder}/${file}`))
  .filter((path) => /\.test\.m?ts$/.test(path))

/** The packages that a test loads. */
function loadedBy(path: string): string[] {
  const code = readFileSync(join(root, path), 'utf8')
  const loads = /(?:from |require\(|requireActual(?:<[^']*?>)?\(|^const \w+ = )'([@\w][\w./@-]*)'/gm
  const names = [...code.matchAll(loads)].map(([, name = '']) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '')
  return [...new Set(names.filter((name) => !name.startsWith('node:')))]
}

/** What a test needs beside what it is about. */
const tools = [
  'esbuild',
  'express',
  'express4',
  'fastify',
  'http',
  'koa',
  'socket.io-client',
  '@as-integrations/express5',
  '@nestjs/common',
  '@opentelemetry/api',
  '@opentelemetry/instrumentation',
  '@opentelemetry/sdk-trace-base',
  '@opentelemetry/sdk-trace-node',
]

test('the table has rows, and each names a package and a test', () => {
  expect(rows.length).toBeGreaterThan(15)
  expect(rows.filter(({ packages, tests: given }) => packages.length === 0 || given.length === 0)).toEqual([])
})

test('each test of the table is there, and loads the packages of its row', () => {
  for (const { packages, tests: given } of rows) {
    for (const path of given) {
      expect(existsSync(join(root, path)) ? path : `no ${path}`).toBe(path)
      expect(loadedBy(path)).toEqual(expect.arrayContaining([...packages]))
    }
  }
})

test.each(tests)('what %s tries is in the table', (path) => {
  const listed = rows.filter((row) => row.tests.includes(path)).flatMap(({ packages }) => packages)
  const loaded = loadedBy(path).filter((name) => !tools.includes(name))
  expect(loaded.length).toBeGreaterThan(0)
  expect(loaded.filter((name) => !listed.includes(name))).toEqual([])
})
