const told = new Set<string>()

/**
 * Tells the operator of something that is legal but harmful, through `process.emitWarning`, so that `--no-warnings`,
 * `--trace-warnings` and `process.on('warning')` work as for Node's own. `code` makes the message searchable.
 */
export function warn(code: string, message: string): void {
  process.emitWarning(message, { type: 'HoldfastWarning', code })
}

/** As {@link warn}, but only the first time in this process for the same code. */
export function warnOnce(code: string, message: string): void {
  if (told.has(code)) return
  told.add(code)
  warn(code, message)
}

/** Forgets what was told, so that each test can hear a warning for the first time. */
export function forgetWarnings(): void {
  told.clear()
}
