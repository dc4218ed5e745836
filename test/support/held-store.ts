/** The old name; to be removed when the last test has gone over to controlled-store.ts. */
export { ControlledExpressSessionStore as HeldStore } from './controlled-store'
