/** The old names; to be removed when the last test has gone over to app.ts, server-kinds.ts and controlled-store.ts. */
export {
  type AppSetup as Setup,
  listen,
  passTurns as settle,
  startApp as serve,
  stopApps as stopServers,
  type TestApp as TestServer,
} from './app'
export { holdingStore } from './controlled-store'
export * from './server-kinds'
