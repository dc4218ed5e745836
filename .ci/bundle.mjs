// Bundles the implementation: one CommonJS file for all that the entry point `index` needs, or that two entry points
// share, `core.js`, and one for each other entry point with what it needs alone. So there is one `Session`, one
// `SessionError` and one list of warnings in a process, whichever entry points it loads, by `import` or `require`; and a
// program loads two files of ours, where it loaded one for each module.
import { relative, resolve } from 'node:path'
import { writeFileSync } from 'node:fs'
import { build, buildSync } from 'esbuild'

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'error',
}

/** @param {string} root @param {readonly string[]} doors Names of the entry points, `index` first. */
export async function bundle(root, doors) {
  const lib = resolve(root, 'lib')
  const modules = new Map(doors.map((door) => [door, modulesOf(root, `lib/${door}.ts`)]))
  const core = new Set(Object.keys(modules.get('index')))
  const [, ...others] = doors
  for (const door of others) {
    for (const path of Object.keys(modules.get(door))) {
      if (others.some((other) => other !== door && path in modules.get(other))) core.add(path)
    }
  }
  const asked = new Set()
  for (const door of others) {
    for (const [path, { imports }] of Object.entries(modules.get(door))) {
      if (core.has(path)) continue
      for (const { path: imported } of imports) if (core.has(imported)) asked.add(imported)
    }
  }
  const names = new Map([...asked].map((path, index) => [path, `$${index}`]))
  const lines = [...names].map(([path, name]) => `export * as ${name} from './${relative('lib', path)}'`)
  await write({
    absWorkingDir: root,
    stdin: { contents: [`export * from './index'`, ...lines].join('\n'), resolveDir: lib, loader: 'ts' },
    outfile: 'dist/core.js',
  })
  const list = exportsOf(root, 'lib/index.ts').map((name) => `exports.${name} = core.${name}\n`)
  writeFileSync(`${root}dist/index.js`, `'use strict'\nconst core = require('./core.js')\n${list.join('')}`)
  for (const door of others) {
    await write({
      absWorkingDir: root,
      entryPoints: [`lib/${door}.ts`],
      outfile: `dist/${door}.js`,
      external: ['./core.js'],
      plugins: [fromCore(root, names)],
    })
  }
}

/** Bundles a command into one file of its own. */
export function bundleCommand(root, name) {
  buildSync({ ...common, absWorkingDir: root, entryPoints: [`lib/${name}.ts`], outfile: `dist/${name}.js` })
}

/** esbuild calls a class that refers to itself `_Name`, and a function expression `Name2`, also where `constructor.name`
 * and a log show it. */
async function write(options) {
  const { outputFiles } = await build({ ...common, ...options, write: false })
  for (const { path, text } of outputFiles) {
    const renamed = [...text.matchAll(/^var (\w+) = (?:class|function) (_\1|\1\d+)\b/gm)]
    writeFileSync(
      path,
      renamed.reduce((all, [, name, other]) => all.replace(new RegExp(`\\b${other}\\b`, 'g'), name), text),
    )
  }
}

/** Of one entry point: each module with its imports. */
function modulesOf(root, entry) {
  return buildSync({ ...common, absWorkingDir: root, entryPoints: [entry], metafile: true, write: false }).metafile
    .inputs
}

function exportsOf(root, path) {
  const { metafile } = buildSync({
    ...common,
    absWorkingDir: root,
    entryPoints: [path],
    format: 'esm',
    metafile: true,
    write: false,
    outfile: 'out.js',
  })
  return Object.values(metafile.outputs)[0].exports.sort()
}

/** What is in the core is taken from there, by name: constants, which cost nothing at each use. */
function fromCore(root, names) {
  return {
    name: 'from-core',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./, namespace: 'file' }, ({ path, resolveDir, kind }) => {
        if (kind === 'entry-point') return undefined
        const module = relative(root, resolve(resolveDir, `${path}.ts`))
        return names.has(module) ? { path: module, namespace: 'core' } : undefined
      })
      onLoad({ filter: /.*/, namespace: 'core' }, ({ path }) => {
        const list = exportsOf(root, path).join(', ')
        return {
          contents: `import * as core from './core.js'\nexport const { ${list} } = core.${names.get(path)}`,
          resolveDir: resolve(root, 'dist'),
        }
      })
    },
  }
}
