import 'express-session'

// What the app declared before the switch, in a file of its own, and did not change.
declare module 'express-session' {
  interface SessionData {
    views: number
    user: string
    messages: string[]
  }
  interface Session {
    greet?(name: string): string
  }
}

declare global {
  namespace Express {
    interface User {
      id: string
    }
  }
}
