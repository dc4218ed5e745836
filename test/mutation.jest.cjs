// The tests that mutation testing runs: of the floors it changes, and nothing that starts a process.
const config = require('../jest.config.cjs')

const floors = ['id', 'session', 'stores/redis']

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  rootDir: '..',
  roots: ['<rootDir>/lib', '<rootDir>/test/unit', '<rootDir>/test/support'],
  maxWorkers: 1,
  testSequencer: '@jest/test-sequencer',
  testMatch: floors.map((floor) => `<rootDir>/test/unit/${floor}/**/*.test.ts`),
}
