const config = require('../../jest.config.cjs')

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  rootDir: '../..',
  roots: ['<rootDir>/lib', '<rootDir>/test'],
  maxWorkers: 1,
  testSequencer: '@jest/test-sequencer',
  testMatch: ['<rootDir>/test/mutation/mutants.ts'],
  modulePathIgnorePatterns: [],
}
