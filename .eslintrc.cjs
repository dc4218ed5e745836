// Read by ESLint 9 with ESLINT_USE_FLAT_CONFIG=false (`npm run lint`).
module.exports = {
  root: true,
  reportUnusedDisableDirectives: true,
  // Programs and projects in the manner of an app: compiled and run by tests, each by its own rules.
  ignorePatterns: [
    '!.ci',
    '!docs/.vitepress',
    'docs/.vitepress/dist',
    'docs/.vitepress/cache',
    'node_modules',
    'dist',
    'coverage',
    'test/ecosystem/heavy',
    '.stryker-tmp',
    'test/types/programs',
    'test/express-session/upstream/suite',
    'test/package/consumers',
    'examples/javascript',
    'examples/typescript-cjs',
    'examples/nestjs',
  ],
  parserOptions: { ecmaVersion: 2023, sourceType: 'module' },
  env: { es2022: true, node: true },
  extends: ['eslint:recommended'],
  rules: {
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    curly: ['error', 'multi-line'],
    'no-console': 'error',
    'no-var': 'error',
    'object-shorthand': 'error',
    'prefer-const': 'error',
  },
  overrides: [
    { files: ['*.cjs'], parserOptions: { sourceType: 'commonjs' } },
    {
      files: ['*.ts', '*.mts', '*.cts'],
      parser: '@typescript-eslint/parser',
      parserOptions: { projectService: true, tsconfigRootDir: __dirname },
      plugins: ['@typescript-eslint'],
      extends: ['plugin:@typescript-eslint/strict-type-checked', 'plugin:@typescript-eslint/stylistic-type-checked'],
      rules: {
        '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
        '@typescript-eslint/consistent-type-exports': 'error',
        '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
        '@typescript-eslint/explicit-module-boundary-types': 'error',
        '@typescript-eslint/no-import-type-side-effects': 'off',
        '@typescript-eslint/prefer-readonly': 'error',
        '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
        '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
        '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
        // With noPropertyAccessFromIndexSignature the compiler decides which spelling is right.
        '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
        // An interface may be empty when others are meant to add to it.
        '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
        '@typescript-eslint/no-empty-function': 'off',
        '@typescript-eslint/no-unnecessary-condition': [
          'error',
          { allowConstantLoopConditions: 'only-allowed-literals' },
        ],
      },
    },
    {
      // The package itself tells the compiler no lies. Where a type cannot be said otherwise, a comment says why.
      files: ['lib/**/*.ts'],
      rules: {
        'no-restricted-syntax': [
          'error',
          {
            selector: 'TSAsExpression > TSAsExpression.expression > :matches(TSUnknownKeyword, TSAnyKeyword)',
            message:
              'A type by way of `unknown` is not checked: narrow it, declare what is used of it, or say why not.',
          },
          {
            selector: 'TSAsExpression > TSNeverKeyword, TSTypeAssertion',
            message: 'This fits any type, so that nothing is checked: narrow it, or declare what is used of it.',
          },
        ],
      },
    },
    {
      // Tests hold many a response body and foreign type that is `any`; what they guard is checked by running them.
      files: ['test/**/*.ts', 'test/**/*.mts', 'bench/**/*.ts'],
      env: { jest: true },
      rules: {
        '@typescript-eslint/explicit-module-boundary-types': 'off',
        '@typescript-eslint/no-explicit-any': 'off',
        '@typescript-eslint/no-unsafe-argument': 'off',
        '@typescript-eslint/no-unsafe-assignment': 'off',
        '@typescript-eslint/no-unsafe-call': 'off',
        '@typescript-eslint/no-unsafe-member-access': 'off',
        '@typescript-eslint/no-unsafe-return': 'off',
        '@typescript-eslint/no-non-null-assertion': 'off',
        '@typescript-eslint/require-await': 'off',
        '@typescript-eslint/unbound-method': 'off',
      },
    },
    { files: ['examples/*/public/**', 'docs/.vitepress/theme/**'], env: { browser: true, node: false } },
    { files: ['bench/**', 'examples/**', 'test/**', '.ci/**'], rules: { 'no-console': 'off' } },
  ],
}
