/**
 * `setImmediate`, kept from when this module was loaded, as Express and express-session keep theirs: a test that replaces the
 * timers (`vi.useFakeTimers`, Sinon) must not stop a response whose callback would wait for a turn that never comes.
 */
export const inNextTurn = setImmediate
