// An app that declares values and no flash messages: then there are none, and a misspelt key is still an error.
import { Session } from 'holdfast'

declare module 'holdfast' {
  interface SessionValues {
    views: number
  }
}

const session = new Session()
const views: number | undefined = session.get('views')
session.set('views', (views ?? 0) + 1)
session.get('veiws') // error TS2345
session.flash('notice', 'x') // error TS2345
