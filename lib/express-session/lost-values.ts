import { warn } from '../base/warnings'
import { checkValue } from '../session/json-value'
import type { ChangedValue } from './records'

/** Keys that were warned of; an app has few, and one that makes them from user input must not fill the memory. */
const warned = new Set<string>()
const mostKeys = 100

/** Warns once a key of what JSON loses: `NaN`, a function, a Map. express-session loses it without a word. */
export function warnOfLostValues(values: ReadonlyMap<string, ChangedValue>): void {
  for (const [key, { value }] of values) {
    if (typeof value !== 'object' && typeof value !== 'number') continue
    if (warned.size >= mostKeys || warned.has(key)) continue
    try {
      checkValue(key, value)
    } catch (error) {
      warned.add(key)
      warn('HOLDFAST_VALUE_NOT_KEPT', (error as Error).message)
    }
  }
}
