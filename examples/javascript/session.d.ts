// What this app keeps in a session. A misspelt key, or a value of another type, is an error in the editor.
import 'holdfast'

declare module 'holdfast' {
  interface SessionValues {
    visits: number
  }
  interface SessionFlash {
    notice: string
  }
}
