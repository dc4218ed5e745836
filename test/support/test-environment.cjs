const { AsyncLocalStorage } = require('node:async_hooks')
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
