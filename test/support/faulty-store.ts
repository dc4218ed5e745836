/** The old name; to be removed when the last test has gone over to controlled-store.ts. */
export { ControlledStore as FaultyStore, type Fault, faults, type StoreCall, storeTrouble } from './controlled-store'
