import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const root = join(__dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '')

/** What the compiler says of each piece of code, as if it stood in a file of the project. */
function complaints(pieces: readonly string[]): string[] {
  const files = new Map(
    pieces.map((text, index) => [join(__dirname, `readme-block-${index}.ts`), `${text}\nexport {}\n`]),
  )
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists, getSourceFile } = host
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path)
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version)
  }
  const setting = join(__dirname, 'readme-setting.d.ts')
  // As strict as a new project is, and an ES module, as the pieces are written.
  const ofAnApp: ts.CompilerOptions = {
    ...options,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    exactOptionalPropertyTypes: false,
    noPropertyAccessFromIndexSignature: false,
    noImplicitReturns: false,
    noUnusedLocals: false,
  }
  const program = ts.createProgram([setting, ...files.keys()], ofAnApp, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, '\n')
    const line = file === undefined || start === undefined ? '' : (file.text.slice(start).split('\n')[0] ?? '')
    return `${text} at: ${line}`
  })
}

test('every piece of TypeScript in README compiles', () => {
  // A declaration of the app's session shape holds for a whole program: it has one of its own.
  const shapes = blocks.filter((block) => block.includes("declare module 'holdfast'"))
  const others = blocks.filter((block) => !shapes.includes(block))
  expect([shapes.length, others.length > 10]).toEqual([1, true])
  expect(complaints(others)).toEqual([])
  expect(
    complaints([`${shapes.join('')}\nimport { Session } from 'holdfast'\nnew Session().set('theme', 'dark')`]),
  ).toEqual([])
}, 60_000)

test('the compiler is really asked', () => {
  expect(
    complaints(["import { sessionMiddleware } from 'holdfast'\nsessionMiddleware({ sessionTtl: 'a day' })"]),
  ).toEqual([expect.stringContaining("Type 'string' is not assignable to type 'number'")])
}, 60_000)

test('the first screen is a whole app in at most 15 lines', () => {
  const first = blocks[0] ?? ''
  expect(first.trim().split('\n').length).toBeLessThanOrEqual(15)
  expect(first).toMatch(/^import express/)
  expect(first).toContain('app.listen(3000)')
})

test('every file and every section that README links to is there', () => {
  const targets = [...readme.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^https?:/.test(target))
  expect(targets.length).toBeGreaterThan(20)
  const headings = new Set([...readme.matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1] ?? '')))
  const missing = targets.filter((target) =>
    target.startsWith('#') ? !headings.has(target.slice(1)) : !existsSync(join(root, target.split('#')[0] ?? '')),
  )
  expect(missing).toEqual([])
})

test('every code and every option has its row', () => {
  const codes = readFileSync(join(root, 'lib/base/errors.ts'), 'utf8').match(/(?<=\| ')[A-Z_]+(?=')/g) ?? []
  expect(codes.length).toBeGreaterThan(15)
  const table = readme
    .replaceAll('­', '')
    .replaceAll('OLD_SESSION_…_REQUIRED', 'OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL_REQUIRED')
    .replaceAll('INVALID_OLD_SESSION_…', 'INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL')
  expect(codes.filter((code) => !table.includes(`\`${code}\``))).toEqual([])
  const warnings = new Set<string>()
  for (const path of ts.sys.readDirectory(join(root, 'lib'), ['.ts'])) {
    for (const code of readFileSync(path, 'utf8').match(/HOLDFAST_[A-Z_]+/g) ?? []) warnings.add(code)
  }
  expect([...warnings].filter((code) => !readme.includes(code))).toEqual([])
  const source = readFileSync(join(root, 'lib/service/session-options.ts'), 'utf8')
  const options = [...source.matchAll(/^ {2}(\w+)\?:/gm)].map((match) => match[1] ?? '')
  expect(
    options.filter((option) => !new RegExp(`^\\| \`(cookie\\.|timeouts\\.)?${option}[\`.]`, 'm').test(table)),
  ).toEqual([])
})

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}
