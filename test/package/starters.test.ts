import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Visitor } from '../support/example'
import { pack, root, run } from './packed'

// Slow, and asks the package registry: `npm run test:package`.
let packed: Awaited<ReturnType<typeof pack>>
let child: ChildProcess | undefined

beforeAll(async () => {
  packed = await pack()
}, 120_000)

/** With all that `npm start` has started. */
afterEach(() => {
  if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  child = undefined
})
afterAll(() => packed.remove())

/** The folder as a person copies it, with the packed package in the place of the published one. */
async function copy(name: string): Promise<string> {
  const project = join(packed.directory, `starter-${name}`)
  cpSync(join(root, 'examples', name), project, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist)(\/|$)/.test(path),
  })
  const path = join(project, 'package.json')
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as { dependencies: Record<string, string> }
  expect(manifest.dependencies['holdfast']).toBe(`^${version()}`)
  manifest.dependencies['holdfast'] = `file:${packed.tarball}`
  writeFileSync(path, JSON.stringify(manifest))
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  await run('npm', ['install', ...quick], project)
  return project
}

function version(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
}

/** `npm start`, until it says where it listens. */
async function start(project: string): Promise<string> {
  const env = { ...process.env, PORT: '0', NODE_ENV: 'development' }
  child = spawn('npm', ['start', '--silent'], {
    cwd: project,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the starter in ${project} ended before it listened`)
  })
  ended.catch(() => undefined)
  const [line] = (await Promise.race([once(createInterface(child.stdout!), 'line'), ended])) as [string]
  return line.replace('Listening on ', '')
}

test.each([
  ['javascript', '/'],
  ['typescript-cjs', '/'],
  ['nestjs', '/account'],
])(
  'the starter %s is checked by its compiler, and keeps a session from visit to sign-out',
  async (name, refused) => {
    const project = await copy(name)
    await run('npm', ['run', '--silent', 'check'], project)
    const visitor = new Visitor(await start(project))
    expect(await visitor.open('/')).toContain('Visit 1.')
    await visitor.open('/account')
    expect([visitor.path, visitor.text.includes('Signed in as')]).toEqual([refused, false])
    await visitor.open('/')
    await visitor.send('/sign-in', { password: 'guess' })
    expect(await visitor.open('/')).not.toContain('Signed in')
    await visitor.send('/sign-in', { password: 'hold fast' })
    expect([visitor.path, visitor.text]).toEqual(['/account', expect.stringContaining('Signed in as ada')])
    await visitor.send('/sign-out')
    expect([visitor.path, visitor.text]).toEqual(['/', expect.stringMatching(/You are signed out\.[^]*Visit 1\./)])
  },
  180_000,
)

test('the check of the JavaScript starter finds a misspelt key', async () => {
  const project = await copy('javascript')
  const path = join(project, 'app.js')
  writeFileSync(path, readFileSync(path, 'utf8').replace("get('visits')", "get('visit')"))
  await expect(run('npm', ['run', '--silent', 'check'], project)).rejects.toThrow(/app\.js.*error TS2345/)
}, 120_000)
