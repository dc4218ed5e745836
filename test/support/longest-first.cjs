const { default: Sequencer } = require('@jest/test-sequencer')

/** Folders whose files take longest, before all others: one that begins last keeps the whole run waiting. Jest itself knows
 * the durations of an earlier run, and a first run has none. */
const long =
  /\/test\/(failover|faults|docs|types|model|examples|express-session|contract\/express-session|redis|channels|users)\b/

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests)
    return [...sorted.filter(({ path }) => long.test(path)), ...sorted.filter(({ path }) => !long.test(path))]
  }
}
