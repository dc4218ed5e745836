// Runs the test files that failed once more, alone: `node .ci/again.mjs <results.json> <command...>`. Most wait for real
// processes, sockets and clocks, and a busy machine can make one late. What fails again has failed; what passes is named as
// flaky in the log and counts as passed. More than five failed files are no accident: they are not run again.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const most = 5
const [path = '', command = '', ...args] = process.argv.slice(2)
const first = JSON.parse(readFileSync(path, 'utf8'))
const failed = first.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name)
if (failed.length === 0 || failed.length > most) process.exit(0)

const again = `${path}.again`
const options = ['--ci', '--maxWorkers=1', '--json', '--outputFile', again, '--runTestsByPath', ...failed]
const rest = args.filter((arg) => !arg.startsWith('--maxWorkers'))
spawnSync(command, [...rest, ...options], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 420_000 })
let second
try {
  second = JSON.parse(readFileSync(again, 'utf8'))
} catch {
  process.exit(0)
}
const repeated = new Map(second.testResults.map((result) => [result.name, result]))
first.testResults = first.testResults.map((result) => repeated.get(result.name) ?? result)
const tests = first.testResults.flatMap(({ assertionResults }) => assertionResults)
first.numPassedTests = tests.filter(({ status }) => status === 'passed').length
first.numFailedTests = tests.filter(({ status }) => status === 'failed').length
for (const { name, status } of second.testResults) {
  console.log(`${status === 'passed' ? 'flaky, passed when run again alone' : 'failed again'}: ${name}`)
}
writeFileSync(path, JSON.stringify(first))
