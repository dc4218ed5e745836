import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { createCachingHost } from '../support/caching-compiler-host'

// Each file under programs/ is a program of its own: declarations that are meant for a whole app do not meet.
const root = resolve(__dirname, '../..')
const directory = join(__dirname, 'programs')
const names = readdirSync(directory).map((file) => file.replace(/\.ts$/, ''))
const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object }
const { options: ownOptions } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const options: ts.CompilerOptions = {
  ...ownOptions,
  types: ['node'],
  // The declaration files of all packages are checked too, and must agree.
  skipLibCheck: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
}
const host = createCachingHost(options)

/** Who declares something on Express' requests: these must get along. The rest of lib has a check of its own. */
const declarers =
  /\/lib\/http\/express-types\.ts$|\/@types\/(express|express-serve-static-core|express-session|cookie-session)\/index\.d\.ts$/

function diagnose(path: string): string[] {
  const program = ts.createProgram([path], options, host)
  const files = program.getSourceFiles().filter(({ fileName }) => fileName === path || declarers.test(fileName))
  const found = [
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ]
  return found.map(({ file, start, code, messageText }) => {
    const line = file === undefined || start === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1
    if (file?.fileName === path) return `${line}: TS${code}`
    return `${file?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}

function markedIn(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line, index) => {
    const marker = /\/\/ error (TS\d+)$/.exec(line)
    return marker === null ? [] : [`${index + 1}: ${marker[1] ?? ''}`]
  })
}

test.each(names)(
  'an app compiles, its mistakes do not: %s',
  (name) => {
    const path = join(directory, `${name}.ts`)
    const marked = markedIn(path)
    expect(marked.length).toBeGreaterThan(0)
    expect(diagnose(path)).toEqual(marked)
  },
  60_000,
)
