import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { measureCapacity } from './capacity'
import { measureGrowingSessions } from './growing-sessions'
import { measureGrowingStore } from './growing-store'
import { measureGrowingSubjects } from './growing-subjects'
import type { Report } from './report'

/** How cost grows: with the size of a session, with the sessions of one user, and with the sessions of all. */
export async function run(report: Report): Promise<void> {
  await measureGrowingSessions(report)
  await measureGrowingSubjects(report)
  await measureGrowingStore(report)
  await measureCapacity(report)
  report.line('\nThe memory store: heap a session, and pauses with a million of them\n')
  report.line(runScript('memory-heap.ts', ['--expose-gc']))
  for (const kind of ['nothing', 'texts', 'store']) report.line(runScript('memory-pauses.ts', [], kind))
}

function runScript(file: string, flags: readonly string[], ...args: readonly string[]): string {
  return execFileSync(process.execPath, [...flags, '--import', 'tsx', join(__dirname, file), ...args], {
    encoding: 'utf8',
  }).trimEnd()
}
