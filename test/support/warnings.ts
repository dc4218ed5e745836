import { forgetWarnings } from '../../lib/base/warnings'

export interface HeardWarning {
  readonly code: string
  readonly message: string
}

/** What the package tells the operator from now on, until the end of the test. Nothing else is kept. */
export function hearWarnings(): HeardWarning[] {
  forgetWarnings()
  const heard: HeardWarning[] = []
  jest.spyOn(process, 'emitWarning').mockImplementation(((message: string | Error, options?: { code?: string }) => {
    const code = options?.code ?? ''
    if (code.startsWith('HOLDFAST_')) heard.push({ code, message: String(message) })
  }) as typeof process.emitWarning)
  return heard
}
