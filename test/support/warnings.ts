import { forgetWarnings } from '../../lib/base/warnings'

export interface EmittedWarning {
  readonly code: string
  readonly message: string
}

/** The package's warnings from now on, until the end of the test. Other warnings are dropped. */
export function collectWarnings(): EmittedWarning[] {
  forgetWarnings()
  const warnings: EmittedWarning[] = []
  jest.spyOn(process, 'emitWarning').mockImplementation(((message: string | Error, options?: { code?: string }) => {
    const code = options?.code ?? ''
    if (code.startsWith('HOLDFAST_')) warnings.push({ code, message: String(message) })
  }) as typeof process.emitWarning)
  return warnings
}
