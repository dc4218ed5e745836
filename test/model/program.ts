/** Builds the app of the model test as one file, as it is or with a broken copy of the package in it. */
import { readFileSync, rmSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { build, type Plugin } from 'esbuild'

const built = new Set<string>()
process.once('exit', () => {
  for (const file of built) rmSync(file, { force: true })
})

const root = join(__dirname, '../..')

/** A place in a file of `lib` that a mutant writes otherwise. */
export interface Patch {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Throws when the patch does not fit the package any more. */
export function patched({ file, from, to }: Patch): string {
  const text = readFileSync(join(root, file), 'utf8')
  if (text.split(from).length !== 2) throw new Error(`${file} must have this once: ${from}`)
  return text.replace(from, () => to)
}

/** Resolves to the path of the program; it is removed when this process ends. */
export async function buildProgram(name = 'app', patches: readonly Patch[] = []): Promise<string> {
  const outfile = join(root, 'node_modules/.cache/holdfast', `model-${name}-${process.pid}.cjs`)
  const mutate: Plugin = {
    name: 'mutate',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]lib[\\/].*\.ts$/ }, ({ path }) => {
        const own = patches.filter(({ file }) => file === relative(root, path).split(sep).join('/'))
        if (own.length > 1) throw new Error(`one patch a file: ${path}`)
        return own[0] && { contents: patched(own[0]), loader: 'ts' }
      })
    },
  }
  await build({
    entryPoints: [join(__dirname, 'app-process.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    tsconfig: join(root, 'tsconfig.json'),
    plugins: [mutate],
  })
  built.add(outfile)
  return outfile
}
