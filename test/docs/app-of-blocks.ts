import { createRequire } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'
import * as holdfast from '../../lib'
import * as holdfastRedis from '../../lib/redis'
import { type CodeBlock, root } from './markdown'

const requireHere = createRequire(join(root, 'package.json'))

/** As an app would load them; the package itself is the one under test. */
function load(name: string): unknown {
  if (name === 'holdfast') return holdfast
  if (name === 'holdfast/redis') return holdfastRedis
  return requireHere(name)
}

/**
 * Runs a piece of code, and resolves to what it declared.
 *
 * @param names What stands around the piece: the names that it uses and does not declare or import.
 * @param replace Text to put in place of other text, for example of `app.listen(3000)`.
 */
export async function runBlock(
  block: CodeBlock,
  names: Readonly<Record<string, unknown>> = {},
  replace: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  let { text } = block
  for (const [from, to] of Object.entries(replace)) {
    if (!text.includes(from)) throw new Error(`${block.place} has no ${from}`)
    text = text.replace(from, to)
  }
  const declared = [
    ...[...text.matchAll(/^(?:const|let|(?:async )?function) (\w+)/gm)].map((match) => match[1] ?? ''),
    ...[...text.matchAll(/^const [{[] ?(\w+(?:, \w+)*) ?[\]}] =/gm)].flatMap((match) => (match[1] ?? '').split(', ')),
  ]
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
  })
  const code = `return (async () => {\n${outputText}\nreturn { ${declared.join(', ')} }\n})()`
  const around = Object.entries(names).filter(([name]) => !declared.includes(name))
  const parameters = ['require', 'exports', ...around.map(([name]) => name)]
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is README's
  const program = new Function(...parameters, code) as (...values: unknown[]) => Promise<Record<string, unknown>>
  return program(load, {}, ...around.map(([, value]) => value))
}
