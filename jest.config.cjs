const { availableParallelism } = require('node:os')

// For the workers, which are started with the flags of this process: with V8's own limit of 16 MB, what a test still holds is
// copied at many more collections.
process.execArgv.push('--max-semi-space-size=64')

/** @type {import('jest').Config} */
module.exports = {
  // One more than there are processors: half of the suite waits for processes, Redis and real time.
  maxWorkers: availableParallelism() + 1,
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
  testTimeout: 20_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // These have commands of their own: npm run test:package, npm run test:browser, npm run test:failover, npm run test:drills.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/package/',
    '<rootDir>/test/browser/',
    '<rootDir>/test/failover/',
    '<rootDir>/test/drills/',
    // What only compiles TypeScript is the same on each version of Node: once is enough.
    ...(process.env['SKIP_COMPILING_TESTS'] === '1' ? ['<rootDir>/test/docs/', '<rootDir>/test/types/'] : []),
  ],
  transform: {
    '^.+\\.[cm]?tsx?$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^holdfast$': '<rootDir>/lib/index.ts',
    '^holdfast/redis$': '<rootDir>/lib/redis.ts',
    '^holdfast/express-session$': '<rootDir>/lib/express-session.ts',
  },
  testEnvironment: '<rootDir>/test/support/test-environment.cjs',
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.stryker-tmp'],
}
