/** What is different on a runtime, by the name of the case, and why. Any other difference breaks the build; so does
 * one in this list that is no longer there. The guide's page "Frameworks and runtimes" names them too. */
export const differences: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Bun: {
    'a failing change with late error handler gives 503':
      'async_hooks reports nothing, so an error handler that is at work looks like none: after 1.5 seconds the response is a plain 503',
  },
  Deno: {},
}
