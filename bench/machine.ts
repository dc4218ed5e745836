import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'

/** Where and with what a benchmark ran: one paragraph. */
export function describeMachine(): string {
  const packages = ['express', 'express-session', 'cookie-session', 'connect-redis', 'redis', 'memorystore']
  const processors = cpus()
  return [
    `${processors.length} cores of ${processors[0]?.model ?? 'an unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `kernel ${release()}`,
    `Node ${process.versions.node}`,
    packages.map((name) => `${name} ${versionOf(name)}`).join(', '),
    `load at the start ${loadavg()
      .map((load) => load.toFixed(1))
      .join(', ')}`,
  ].join('; ')
}

function versionOf(name: string): string {
  const file = join(__dirname, '..', 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version
}
