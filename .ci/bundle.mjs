// Bundles the implementation: one CommonJS file for each entry point. That of `index` also holds what two other entry points
// share, and they take from it what it holds. So there is one `Session`, one `SessionError` and one list of warnings in a
// process, whichever entry points it loads, by `import` or `require`; and a program loads one file of ours, or two, where it
// loaded one for each module. Names stay as they are written, so that a stack trace can be read; comments do not: the
// sources, which have them, are in the package as well.
import { relative, resolve } from 'node:path'
import { writeFileSync } from 'node:fs'
import { build, buildSync } from 'esbuild'
import ts from 'typescript'

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'error',
}

/**
 * @param {string} root
 * @param {readonly string[]} entries Names of the entry points, `index` first.
 * @param {readonly string[]} commands Names of programs. What two of them share with an entry point beside `index` is
 *   in each: a program is no reason for an app to load more.
 */
export async function bundle(root, entries, commands) {
  const lib = resolve(root, 'lib')
  const modules = new Map([...entries, ...commands].map((name) => [name, modulesOf(root, `lib/${name}.ts`)]))
  const [main, ...others] = entries
  const core = new Set(Object.keys(modules.get(main)))
  for (const entry of others) {
    for (const path of Object.keys(modules.get(entry))) {
      if (others.some((other) => other !== entry && path in modules.get(other))) core.add(path)
    }
  }
  const asked = new Set()
  for (const name of [...others, ...commands]) {
    for (const [path, { imports }] of Object.entries(modules.get(name))) {
      if (core.has(path)) continue
      for (const { path: imported } of imports) if (core.has(imported)) asked.add(imported)
    }
  }
  const places = new Map([...asked].map((path, place) => [path, place]))
  await write({
    absWorkingDir: root,
    stdin: { contents: withInternals(root, main, places), resolveDir: lib, loader: 'ts' },
    outfile: `dist/${main}.js`,
    banner: { js: '"use strict";' },
  })
  for (const name of [...others, ...commands]) {
    await write({
      absWorkingDir: root,
      entryPoints: [`lib/${name}.ts`],
      outfile: `dist/${name}.js`,
      external: [`./${main}.js`],
      plugins: [fromMain(root, main, places)],
    })
  }
}

/** The first entry point, and what the other ones take from it: a property that no list of its exports shows. */
function withInternals(root, main, places) {
  const modules = [...places].map(([path, place]) => {
    const names = exportsOf(root, path).map((name) => [name, `${name}$${place}`])
    return {
      line: `import { ${names.map(([name, alias]) => `${name} as ${alias}`).join(', ')} } from './${relative('lib', path)}'`,
      value: `{ ${names.map(([name, alias]) => `${name}: ${alias}`).join(', ')} }`,
    }
  })
  const names = exportsOf(root, `lib/${main}.ts`).join(', ')
  return [
    `import { ${names} } from './${main}'`,
    ...modules.map(({ line }) => line),
    `module.exports = { ${names} }`,
    `Object.defineProperty(module.exports, 'internals', { value: [${modules.map(({ value }) => value).join(', ')}] })`,
  ].join('\n')
}

/** esbuild calls a class that refers to itself `_Name`, and a function expression `Name2`, alone or as an argument,
 * also where `constructor.name` and a log show it. */
async function write(options) {
  const { outputFiles } = await build({ ...common, ...options, write: false })
  for (const { path, text } of outputFiles) {
    const renamed = [...text.matchAll(/^var (\w+) = (?:\w+\()?(?:class|function) (_\1|\1\d+)\b/gm)]
    const named = renamed.reduce((all, [, name, other]) => all.replace(new RegExp(`\\b${other}\\b`, 'g'), name), text)
    writeFileSync(path, withoutComments(named), { mode: text.startsWith('#!') ? 0o755 : 0o644 })
  }
}

/** Without comments, except those that an app's own bundler reads, and the line above each module with its path. */
function withoutComments(text) {
  const source = ts.createSourceFile('bundle.js', text, ts.ScriptTarget.ESNext, false, ts.ScriptKind.JS)
  const parts = []
  const visit = (node) => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return
    const children = node.getChildren(source)
    if (children.length > 0) children.forEach(visit)
    else parts.push(blanksOf(text.slice(node.getFullStart(), node.getStart(source))), node.getText(source))
  }
  visit(source)
  return parts.join('')
}

/** @param {string} trivia What stands between two tokens. esbuild puts each comment on lines of its own. */
function blanksOf(trivia) {
  return trivia.replace(/^[ \t]*(\/\*[^]*?\*\/|\/\/.*)\n/gm, (line, comment) =>
    /^(\/\/ lib\/|\/\* [@#]__)/.test(comment) ? line : '',
  )
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

/** What is in the first entry point is taken from there, by name: constants, which cost nothing at each use. */
function fromMain(root, main, places) {
  return {
    name: 'from-main',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./, namespace: 'file' }, ({ path, resolveDir, kind }) => {
        if (kind === 'entry-point') return undefined
        const module = relative(root, resolve(resolveDir, `${path}.ts`))
        return places.has(module) ? { path: module, namespace: 'main' } : undefined
      })
      onLoad({ filter: /.*/, namespace: 'main' }, ({ path }) => {
        const list = exportsOf(root, path).join(', ')
        return {
          contents: `import { internals } from './${main}.js'\nexport const { ${list} } = internals[${places.get(path)}]`,
          resolveDir: resolve(root, 'dist'),
        }
      })
    },
  }
}
