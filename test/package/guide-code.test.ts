import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeCode } from '../docs/describe-code'
import { run } from './packed'

// Two TypeScripts in one project fight for the name `tsc`, so this one is installed in a folder of its own.
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-typescript-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  await run('npm', ['install', ...quick, 'typescript@^7.0.0'], folder)
}, 120_000)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describeCode('TypeScript 7', () => join(folder, 'node_modules/typescript'))
