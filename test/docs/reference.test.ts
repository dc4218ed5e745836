import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { Page, readme, root } from './markdown'

const troubleshooting = new Page('docs/guide/troubleshooting.md')
const options = new Page('docs/guide/options.md')
const headings = ({ headings: all }: Page) => all.map(({ text }) => text)
const source = (path: string) => readFileSync(join(root, path), 'utf8')

/** The strings of `type Name = 'a' | 'b'`. */
function union(path: string, name: string): string[] {
  const file = ts.createSourceFile(path, source(path), ts.ScriptTarget.Latest)
  const found: string[] = []
  ts.forEachChild(file, (node) => {
    if (ts.isTypeAliasDeclaration(node) && node.name.text === name && ts.isUnionTypeNode(node.type)) {
      for (const type of node.type.types) {
        if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) found.push(type.literal.text)
      }
    }
  })
  return found
}

/** The properties of an exported interface, or of a type that is made of interfaces and of object types. */
function properties(path: string, name: string): string[] {
  const found = new Set<string>()
  collect(ts.createSourceFile(path, source(path), ts.ScriptTarget.Latest), name, found)
  return [...found]
}

function collect(file: ts.SourceFile, name: string, found: Set<string>): void {
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node) && ts.isIdentifier(node.name)) found.add(node.name.text)
    else if (ts.isTypeReferenceNode(node) && ts.isIdentifier(node.typeName)) collect(file, node.typeName.text, found)
    else if (ts.isExpressionWithTypeArguments(node)) collect(file, node.expression.getText(file), found)
    else ts.forEachChild(node, visit)
  }
  ts.forEachChild(file, (node) => {
    if ((ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) && node.name.text === name) visit(node)
  })
}

test('README is at most 200 lines', () => {
  expect(readme.text.trimEnd().split('\n').length).toBeLessThanOrEqual(200)
})

test('the first app of README is whole, in at most 15 lines', () => {
  const first = readme.blocks.find(({ language }) => language === 'ts')?.text.trim() ?? ''
  expect(first.split('\n').length).toBeLessThanOrEqual(20)
  expect(first).toMatch(/^import express/)
  expect(first).toContain('<form')
  expect(first).toContain('app.listen(3000)')
})

test('README has the two commands for a clone', () => {
  expect(readme.text).toContain('`npm ci && npm start`')
  expect(readme.text).toContain('`npm ci && npm test`')
})

test('Troubleshooting has a heading for each error code, and for no other', () => {
  const codes = union('lib/base/errors.ts', 'SessionErrorCode')
  expect(codes.length).toBeGreaterThan(15)
  const documented = headings(troubleshooting).filter((text) => /^(?!HOLDFAST_)[A-Z_]+$/.test(text))
  expect(documented.sort()).toEqual(codes.sort())
})

test('Troubleshooting has a heading for each warning code, and for no other', () => {
  const codes = new Set<string>()
  for (const path of ts.sys.readDirectory(join(root, 'lib'), ['.ts'])) {
    for (const code of readFileSync(path, 'utf8').match(/HOLDFAST_[A-Z_]+/g) ?? []) codes.add(code)
  }
  expect(codes.size).toBeGreaterThan(10)
  const documented = headings(troubleshooting).filter((text) => text.startsWith('HOLDFAST_'))
  expect(documented.sort()).toEqual([...codes].sort())
})

test('every code says what happened and what to do', () => {
  const sections = troubleshooting.text.split(/^### /m).slice(1)
  const ofCodes = sections.filter((section) => /^`[A-Z_]+`\n/.test(section))
  expect(ofCodes.length).toBeGreaterThan(30)
  const lacking = ofCodes.filter((section) => !section.includes('**What.**') || !section.includes('**Do.**'))
  expect(lacking.map((section) => section.split('\n')[0])).toEqual([])
})

test.each([
  ['SessionOptions', 'lib/service/session-options.ts', ''],
  ['CookieOptions', 'lib/service/session-options.ts', 'cookie.'],
  ['TimeoutOptions', 'lib/service/session-options.ts', 'timeouts.'],
  ['MemoryStoreOptions', 'lib/stores/memory-store.ts', 'MemoryStore: '],
  ['RedisStoreOptions', 'lib/stores/redis/redis-store.ts', 'RedisStore: '],
])('each option of %s has a heading, and no option is made up', (name, path, prefix) => {
  const expected = properties(path, name).map((option) => prefix + option)
  expect(expected.length).toBeGreaterThan(1)
  const belongs = (text: string) =>
    prefix === '' ? /^[a-z]\w+$/i.test(text) && text !== 'ttl' && !text.startsWith('Options') : text.startsWith(prefix)
  expect(headings(options).filter(belongs).sort()).toEqual(expected.sort())
})

test.each([
  ['DeleteAllOptions', 'lib/users/user-session-manager.ts', 'deleteAll'],
  ['SetCookieOptions', 'lib/session-manager.ts', 'setCookie'],
  ['LoginOptions', 'lib/http/login.ts', 'login'],
])('each option of %s has a heading', (name, path, call) => {
  const expected = properties(path, name).map((option) => `${call}: ${option}`)
  expect(expected.length).toBeGreaterThan(0)
  const listed = headings(options).map((text) => (text === 'ttl' ? 'login: ttl' : text))
  expect(listed.filter((text) => text.startsWith(`${call}: `)).sort()).toEqual(expected.sort())
})

test('UserSessionManager has a heading for the one option that the middleware has not', () => {
  const shared = properties('lib/service/session-options.ts', 'SessionOptions')
  const own = properties('lib/users/user-session-options.ts', 'UserSessionManagerOptions')
  const expected = own.filter((option) => !shared.includes(option)).map((option) => `UserSessionManager: ${option}`)
  expect(headings(options).filter((text) => text.startsWith('UserSessionManager: '))).toEqual(expected)
})

test('each option of holdfast/express-session that express-session has not has a heading', () => {
  const text = source('lib/express-session.ts')
  const [, body = ''] = /interface SessionOptions extends [^{]*\{([^]*?)\n {2}\}/.exec(text) ?? []
  const own = [...body.matchAll(/^ {4}(\w+)\?:/gm)].map(([, option = '']) => option)
  // `store` is on a page of its own, and `key` is the older name of `name`.
  const expected = own.filter((option) => !['store', 'key'].includes(option)).map((option) => `session: ${option}`)
  expect(expected.length).toBeGreaterThan(4)
  expect(headings(options).filter((one) => one.startsWith('session: '))).toEqual(expected)
})

test('each option of a channel has a heading', () => {
  const expected = properties('lib/channels/open-channel.ts', 'ChannelOptions')
  expect(headings(new Page('docs/guide/websockets.md'))).toEqual(expect.arrayContaining(expected))
})
