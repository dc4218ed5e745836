import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readme, root } from './markdown'

const made = ['node_modules', '.git', 'dist', 'cache', 'api', 'coverage', '.stryker-tmp']
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, any>
const site = String(manifest['homepage'])
const code = String(manifest['repository'].url).replace(/^git\+|\.git$/g, '')

/** The files in which an address of the publisher stands; a publisher may have filled them in by now. */
const filled = ['package.json', 'lib/base/guide-address.ts', 'CHANGELOG.md', '.github/ISSUE_TEMPLATE/config.yml']

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return made.includes(entry.name) ? [] : filesOf(path)
    return entry.isFile() && !/\.(png|tgz|log)$/.test(path) ? [path] : []
  })
}

let copy: string

/** A copy in which nothing is filled in. */
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'holdfast-publisher-'))
  cpSync(join(root, '.ci/publisher.mjs'), join(copy, '.ci/publisher.mjs'))
  for (const path of filled) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    const text = readFileSync(join(root, path), 'utf8')
      .replaceAll(site, 'https://OWNER.github.io/holdfast/')
      .replaceAll(code, 'https://github.com/OWNER/holdfast')
    writeFileSync(join(copy, path), text)
  }
})

afterEach(() => rmSync(copy, { recursive: true, force: true }))

function publisher(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['.ci/publisher.mjs', ...args], {
    cwd: copy,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

const read = (path: string) => readFileSync(join(copy, path), 'utf8')

function fillIn(account: string, site: string): void {
  writeFileSync(
    join(copy, 'package.json'),
    JSON.stringify({
      ...manifest,
      author: 'Acme <sessions@acme.example>',
      homepage: site,
      repository: { type: 'git', url: `git+https://github.com/${account}.git` },
      bugs: { url: `https://github.com/${account}/issues` },
    }),
  )
}

test('the check before publishing fails while nothing is filled in, and while package.json alone is', () => {
  expect(publisher('--check')).toEqual({ status: 1, output: expect.stringContaining('package.json still says OWNER') })
  expect(publisher()).toEqual({ status: 1, output: expect.stringContaining('put your own there first') })
  fillIn('acme/sessions', 'https://sessions.acme.example')
  const { status, output } = publisher('--check')
  expect([status, output]).toEqual([1, expect.stringContaining('lib/base/guide-address.ts')])
  expect(output).toContain('npm run publisher')
})

test('no placeholder is left after package.json was filled in and copied, and every address is right', () => {
  fillIn('acme/sessions', 'https://sessions.acme.example')
  expect(publisher()).toMatchObject({ status: 0 })
  expect(filled.filter((path) => /\bOWNER\b/.test(read(path)))).toEqual([])
  expect(publisher('--check')).toEqual({ status: 0, output: '' })
  expect(read('lib/base/guide-address.ts')).toContain("'https://sessions.acme.example/guide/troubleshooting'")
  expect(read('CHANGELOG.md')).toMatch(
    /^\[Unreleased\]: https:\/\/github\.com\/acme\/sessions\/compare\/v[\d.]+\.\.\.HEAD$/m,
  )
  expect(read('CHANGELOG.md')).toContain('https://keepachangelog.com/')
  const template = read('.github/ISSUE_TEMPLATE/config.yml')
  expect(template.match(/https:\S+/g)).toEqual([
    'https://github.com/acme/sessions/security/advisories/new',
    'https://sessions.acme.example/guide/troubleshooting',
  ])
})

test('a new address is copied over an older one', () => {
  fillIn('acme/sessions', 'https://acme.github.io/sessions/')
  expect(publisher()).toMatchObject({ status: 0 })
  fillIn('acme-labs/holdfast', 'https://acme-labs.github.io/holdfast/')
  expect(publisher('--check')).toMatchObject({ status: 1 })
  expect(publisher()).toMatchObject({ status: 0 })
  expect(publisher('--check')).toMatchObject({ status: 0 })
  expect(read('CHANGELOG.md') + read('lib/base/guide-address.ts')).not.toContain('acme/sessions')
})

test('a repository that package pages cannot resolve links with is refused', () => {
  fillIn('acme/sessions', 'https://acme.github.io/sessions/')
  const text = read('package.json').replace(/git\+https:[^"]+/, 'git@github.com:acme/sessions.git')
  writeFileSync(join(copy, 'package.json'), text)
  expect(publisher('--check')).toEqual({ status: 1, output: expect.stringContaining('git+https://github.com/') })
})

test('no other file has an address of the publisher', () => {
  const explaining = ['.ci/publisher.mjs', 'test/docs/publisher.test.ts']
  const naming = filesOf('.').filter((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return text.includes(site) || text.includes(code) || text.includes('/OWNER/')
  })
  expect(naming.filter((path) => !explaining.includes(path)).sort()).toEqual([...filled].sort())
})

// A package page resolves relative links against `repository`, as GitHub does: the files need not be in the tarball.
test('every relative link of README is one that GitHub and a package page resolve alike', () => {
  const relative = readme.links.filter(({ target }) => !/^(https?:|mailto:|#)/.test(target))
  expect(relative.length).toBeGreaterThan(20)
  expect(relative.filter(({ target }) => /^(\/|\.)/.test(target))).toEqual([])
})
