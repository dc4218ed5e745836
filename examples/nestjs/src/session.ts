import type { Request } from 'express'

declare module 'holdfast' {
  interface SessionValues {
    visits: number
  }
  interface SessionFlash {
    notice: string
  }
}

/** What `@Session()` gives. */
export type AppSession = Request['session']
