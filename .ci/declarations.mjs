// Declarations that no public one refers to, however indirectly, serve no compiler and no editor: they are not shipped.
import { readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { join, normalize } from 'node:path'
import ts from 'typescript'

/** @param {string} dist @param {readonly string[]} entries Names of the entry points. */
export function removeInternalDeclarations(dist, entries) {
  const reached = new Set()
  const open = entries.map((entry) => `${entry}.d.ts`)
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue
    reached.add(file)
    const { importedFiles } = ts.preProcessFile(readFileSync(join(dist, file), 'utf8'), true, true)
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith('.')) open.push(`${normalize(join(file, '..', fileName))}.d.ts`)
    }
  }
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (/\.d\.ts(\.map)?$/.test(file) && !reached.has(file.replace(/\.map$/, ''))) rmSync(join(dist, file))
  }
  removeEmptyFolders(dist)
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name))
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}
