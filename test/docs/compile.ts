import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
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
    return (await tsc(compiler, ['-p', 'tsconfig.json', '--pretty', 'false'], project)).map((line) =>
      line.replace(/^piece-\d+\.\w+/, (name) => places.get(name) ?? name),
    )
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

const cache = join(root, 'node_modules/.cache/holdfast-docs')

async function flagsOfNewProject(compiler: string, folder: string): Promise<Record<string, unknown>> {
  await tsc(compiler, ['--init'], folder)
  const { config } = ts.readConfigFile(join(folder, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: Record<string, unknown> }
  }
  expect(config.compilerOptions).toMatchObject({ strict: true, exactOptionalPropertyTypes: true })
  return config.compilerOptions
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
  const { config } = ts.readConfigFile(join(root, 'lib/tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: object
  }
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, 'lib'))
  const emitted = { ...options, noEmit: false, emitDeclarationOnly: true, declarationMap: false, outDir: folder }
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
