import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(__dirname, '../..')
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')

/** Files and folders that the page names: in backquotes, and at the start of a line of its map. */
const quoted = [...page.matchAll(/`([\w./-]+(?:\.ts|\.md|\/))`/g)].map(([, path = '']) => path)
const mapped = [...page.matchAll(/^ {4}((?:[\w.-]+(?:\.ts|\/) +)+)/gm)].flatMap(([, names = '']) =>
  names.trim().split(/ +/),
)

const exists = (path: string): boolean => ['lib', '.', 'test'].some((base) => existsSync(join(root, base, path)))

test('every file and folder that ARCHITECTURE.md names exists', () => {
  expect(quoted.length).toBeGreaterThan(30)
  expect([...quoted, ...mapped].filter((path) => !exists(path))).toEqual([])
})

test('the map of ARCHITECTURE.md has every room and every file at the top of lib', () => {
  const top = readdirSync(join(root, 'lib')).filter((name) => name !== 'tsconfig.json')
  const names = top.map((name) => (statSync(join(root, 'lib', name)).isDirectory() ? `${name}/` : name))
  expect(names.length).toBeGreaterThan(10)
  expect([...mapped].sort()).toEqual(names.sort())
})

test('ARCHITECTURE.md stays one page', () => {
  expect(page.split('\n').length).toBeLessThan(100)
})
