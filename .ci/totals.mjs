// Adds up jest's results: `node .ci/totals.mjs <failed checks> <directory of results>`. A test file that could not run
// counts as a failure, and so does a run without a single passed test.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [broken = '0', directory = '.'] = process.argv.slice(2)
let passed = 0
let failed = Number(broken)
for (const file of readdirSync(directory).sort()) {
  const result = JSON.parse(readFileSync(join(directory, file), 'utf8'))
  const unrun = result.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((it) => it.status === 'failed'),
  )
  const empty = result.numPassedTests === 0 ? 1 : 0
  const skipped = result.numPendingTests + result.numTodoTests
  passed += result.numPassedTests
  failed += Math.max(result.numFailedTests + unrun.length, empty)
  console.log(
    `${file.replace('.json', '')}: ${result.numPassedTests} passed, ${result.numFailedTests + unrun.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  )
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)
