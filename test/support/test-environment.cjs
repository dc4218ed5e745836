const { AsyncLocalStorage } = require('node:async_hooks')
const vm = require('node:vm')
const { TestEnvironment } = require('jest-environment-node')

/** By the current test file, and by Jest for it. */
const used = new Set()

for (const method of ['run', 'enterWith']) {
  const original = AsyncLocalStorage.prototype[method]
  AsyncLocalStorage.prototype[method] = function (...args) {
    used.add(this)
    return original.apply(this, args)
  }
}

const { compileFunction } = vm

/** By file: its text, and what V8 has compiled of it. */
const compiled = new Map()

/**
 * A worker compiles a module once for all of its test files, each of which loads it anew: Jest's own modules, Express, the
 * Redis client, `lib`. What V8 compiles later of a script, function by function, serves the next file too.
 */
function compileOnce(text, parameters, options) {
  const { filename, parsingContext } = options ?? {}
  if (parsingContext === undefined) return compileFunction(text, parameters, options)
  if (compiled.get(filename)?.text !== text) {
    const head = `(function (${parameters.join(', ')}) {`
    const script = new vm.Script(`${head}${text}\n})`, {
      filename,
      columnOffset: -head.length,
      importModuleDynamically: () =>
        Promise.reject(new Error('a script in a test cannot import a module of ECMAScript')),
    })
    compiled.set(filename, { text, script })
  }
  return compiled.get(filename).script.runInContext(parsingContext)
}

// With node --experimental-vm-modules, what a script imports is of the test file that compiled it.
if (vm.SourceTextModule === undefined) vm.compileFunction = compileOnce

/**
 * Disables each `AsyncLocalStorage` that a test file has used, when the file has ended. Jest makes one for each file and
 * disables none, and Node before 24 visits all of them at each promise: an `await` takes 0.1 µs in the first file of a
 * worker, and 10 µs in its sixtieth.
 */
module.exports = class extends TestEnvironment {
  async teardown() {
    for (const storage of used) storage.disable()
    used.clear()
    await super.teardown()
  }
}
