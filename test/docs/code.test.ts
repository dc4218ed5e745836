import { ownCompiler } from './compile'
import { describeCode } from './describe-code'

// With TypeScript 7, which is not installed here: test/package/guide-code.test.ts.
describeCode('TypeScript 5.9', () => ownCompiler)
