// The tests that mutation testing runs: of the floors it changes, and nothing that starts a process.
const config = require('../jest.config.cjs')

const floors = ['id', 'session', 'stores/redis']

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  rootDir: '..',
  // Each mutant is a run of jest: it lists these folders, and loads the test files that import the changed file.
  roots: ['<rootDir>/lib', ...floors.map((floor) => `<rootDir>/test/unit/${floor}`)],
  maxWorkers: 1,
  testSequencer: '@jest/test-sequencer',
  testMatch: floors.map((floor) => `<rootDir>/test/unit/${floor}/**/*.test.ts`),
  // It is for the compiler, and loads the whole package.
  testPathIgnorePatterns: ['/node_modules/', 'user-session-types'],
}
