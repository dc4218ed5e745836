import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freePort } from './redis-server'

export interface PostgresServer {
  /** For `new Pool({ connectionString })`: an empty database on the loopback interface, without a password. */
  readonly connectionString: string
  /** Ends the server, cuts all its connections and removes its files. Twice is once. */
  stop(): Promise<void>
}

const versions = '/usr/lib/postgresql'

/** Runs the server (its program, its data, its settings) and ends it as soon as the pipe on standard input closes: also
 * when this process is killed. SIGINT is PostgreSQL's "fast" end, which cuts connections. */
const leash = '"$@" </dev/null & server=$!; cat >/dev/null; kill -INT $server; wait $server'

/**
 * Starts a real PostgreSQL of its own on a free port, with its data in a temporary directory and nothing written to disk
 * for good. Takes a second or two. Needs the Debian package `postgresql`, which is installed where that is possible.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = findBinaries()
  const owner = unprivilegedUser()
  const home = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'))
  const data = join(home, 'data')
  // PostgreSQL refuses to run as root.
  if (owner !== undefined) chownSync(home, owner.uid, owner.gid)
  try {
    const cluster = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']
    execFileSync(join(bin, 'initdb'), cluster, { ...owner, cwd: home, stdio: 'pipe' })
    const port = await freePort()
    const address = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=']
    const settings = [...address, 'fsync=off', 'max_connections=40']
    const command = [join(bin, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
    const stdio = ['pipe', 'ignore', 'ignore'] as const
    const server = spawn('sh', ['-c', leash, 'sh', ...command], { ...owner, cwd: home, stdio: [...stdio] })
    const stop = stopper(server, home)
    const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`
    try {
      await waitUntilReady(connectionString, server)
    } catch (error) {
      await stop()
      throw error
    }
    return { connectionString, stop }
  } catch (error) {
    rmSync(home, { recursive: true, force: true })
    throw error
  }
}

function findBinaries(): string {
  const installed = () => {
    const names = existsSync(versions) ? readdirSync(versions) : []
    const newest = names.sort((one, other) => Number(other) - Number(one))
    return newest.map((name) => join(versions, name, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
  }
  const bin = installed()
  if (bin !== undefined) return bin
  if (process.getuid?.() !== 0) throw new Error('the tests need PostgreSQL: apt-get install postgresql')
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'postgresql'], { stdio: 'pipe' })
  const added = installed()
  if (added === undefined) throw new Error('the package postgresql brought no initdb')
  return added
}

function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (user === undefined) throw new Error('the tests need a user that PostgreSQL may run as: postgres')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

async function waitUntilReady(connectionString: string, server: ChildProcess): Promise<void> {
  const giveUp = Date.now() + 15_000
  for (;;) {
    const client = new Client({ connectionString })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (server.exitCode !== null || Date.now() > giveUp) throw error
      await sleep(25)
    }
  }
}

function stopper(server: ChildProcess, home: string): () => Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => resolve())
    server.once('error', () => resolve())
  })
  return async () => {
    server.stdin?.end()
    await ended
    rmSync(home, { recursive: true, force: true })
  }
}
