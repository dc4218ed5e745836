#!/usr/bin/env node
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type MoveInspection, observe } from './express-session/inspect-move'
import { judge, labels } from './express-session/judge-move'

/** Codes with which the command ends. */
const exitCodes = { ready: 0, wait: 1, unsafe: 2, unknown: 2 } as const

const usage = `Usage: holdfast-check-move <module>

Says at which stage of a move from express-session's records each process of an app is, and whether the next step is safe.
The module's default export is { old, own, secret, name?, urls }: the two stores, connected, and a URL of each process.
Ends with 0: every process is at one stage; 1: a deployment is under way; 2: not safe, or not to be found out.
`

/** `holdfast-check-move`; see the guide's page "Moving from express-session". */
async function main(path: string | undefined): Promise<number> {
  if (path === undefined) {
    process.stderr.write(usage)
    return exitCodes.unsafe
  }
  const given = (await import(pathToFileURL(resolve(path)).href)) as { default: MoveInspection }
  const observed = await observe(given.default)
  for (const [url, stage] of observed) process.stdout.write(`${labels[stage].padEnd(13)}${url}\n`)
  const { state, text } = judge(observed.values())
  process.stdout.write(`\n${state}: ${text}\n`)
  return exitCodes[state]
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${messagesOf(error).join(': ')}\n`)
    process.exit(exitCodes.unsafe)
  },
)

/** With those of its causes: a store's own error says what is wrong with it. */
function messagesOf(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...messagesOf(error.cause)] : []
}
