import { adaptExpressSessionStore } from '../../lib/stores/express-session/express-session-store'
import { storesOfOthers } from '../support/express-session-stores'
import { describeStore } from './store-contract'

for (const { name, open } of storesOfOthers) {
  const openGround = async () => {
    const { newStore, close } = await open()
    return { newStore: () => adaptExpressSessionStore(newStore()), close }
  }
  describeStore(name, openGround, { listing: false })
}
