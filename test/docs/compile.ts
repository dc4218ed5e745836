import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { createCachingHost } from '../support/caching-compiler-host'
import { type CodeBlock, root } from './markdown'

/** The TypeScript that is installed here. */
export const ownCompiler = join(root, 'node_modules/typescript')

/**
 * What a compiler says of each piece of code, each as a module of its own in a new project: the flags that `tsc --init`
 * writes, and nothing else but where the packages are.
 *
 * @param compiler The folder of a TypeScript.
 */
export async function complaints(pieces: readonly CodeBlock[], compiler: string): Promise<string[]> {
  mkdirSync(cache, { recursive: true })
  const project = mkdtempSync(join(cache, 'project-'))
  try {
    const compilerOptions = {
      ...(await flagsOfNewProject(compiler, project)),
      types: ['node'],
      noEmit: true,
      allowJs: true,
      checkJs: true,
      paths: declarationsOfThePackage(),
    }
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(project, 'setting.d.ts'), readFileSync(join(__dirname, 'setting.d.ts')))
    const places = new Map<string, string>()
    for (const [index, { language, text, place }] of pieces.entries()) {
      const name = `piece-${index}.${language === 'js' && text.includes('require(') ? 'cjs' : language}`
      places.set(name, place)
      writeFileSync(join(project, name), name.endsWith('.ts') ? `${text}export {}\n` : text)
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }))
    const found =
      compiler === ownCompiler
        ? errorsIn(project)
        : await tsc(compiler, ['-p', 'tsconfig.json', '--pretty', 'false'], project)
    return found.map((line) => line.replace(/^piece-\d+\.\w+/, (name) => places.get(name) ?? name))
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

const cache = join(root, 'node_modules/.cache/holdfast-docs')

const flags = new Map<string, Record<string, unknown>>()

async function flagsOfNewProject(compiler: string, folder: string): Promise<Record<string, unknown>> {
  const known = flags.get(compiler)
  if (known !== undefined) return known
  await tsc(compiler, ['--init'], folder)
  const { compilerOptions } = configIn(folder) as { compilerOptions: Record<string, unknown> }
  expect(compilerOptions).toMatchObject({ strict: true, exactOptionalPropertyTypes: true })
  flags.set(compiler, compilerOptions)
  return compilerOptions
}

const configIn = (folder: string) =>
  (ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile) as { config: object }).config

/** The files of packages, but for the package's own, which an app's declarations extend. */
const isOfPackage = (path: string) => path.includes('/node_modules/') && !path.startsWith(cache)

/** As `tsc -p` prints them. */
function errorsIn(project: string): string[] {
  const { options, fileNames, errors } = ts.parseJsonConfigFileContent(configIn(project), ts.sys, project)
  const host = createCachingHost(options, isOfPackage)
  const found = [...errors, ...ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options, host))]
  return found.map((one) =>
    ts.formatDiagnostic(one, { ...host, getCurrentDirectory: () => project, getNewLine: () => '\n' }).trimEnd(),
  )
}

async function tsc(compiler: string, args: readonly string[], cwd: string): Promise<string[]> {
  const program = join(compiler, 'bin/tsc')
  const lines = (text: string) => text.split('\n').filter((line) => /\berror TS\d+/.test(line))
  try {
    return lines((await promisify(execFile)(process.execPath, [program, ...args], { cwd, maxBuffer: 1e8 })).stdout)
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    const found = lines(stdout)
    if (found.length === 0) throw new Error(`tsc failed\n${stdout}${stderr}`, { cause: error })
    return found
  }
}

let declarations: Record<string, string[]> | undefined

/** What the package's `.d.ts` files will be, made from `lib` once; and which of them each entry point is. */
function declarationsOfThePackage(): Record<string, string[]> {
  if (declarations !== undefined) return declarations
  const folder = join(cache, 'declarations')
  rmSync(folder, { recursive: true, force: true })
  const lib = join(root, 'lib')
  const { options, fileNames } = ts.parseJsonConfigFileContent(configIn(lib), ts.sys, lib)
  // That lib is right has a check of its own.
  const unchecked = { noCheck: true, noEmitOnError: false }
  const emitted = {
    ...options,
    ...unchecked,
    noEmit: false,
    emitDeclarationOnly: true,
    declarationMap: false,
    outDir: folder,
  }
  const result = ts.createProgram(fileNames, emitted).emit()
  if (result.emitSkipped) throw new Error('the declarations of lib could not be emitted')
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }')
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
  declarations = Object.fromEntries(
    Object.keys(exports)
      .filter((entry) => !entry.endsWith('.json'))
      .map((entry) => {
        const name = entry === '.' ? 'index' : entry.slice(2)
        return [entry.replace(/^\./, 'holdfast'), [`../${relative(cache, folder)}/${name}.d.ts`]]
      }),
  )
  return declarations
}
