import { MemoryStore } from '../../lib/stores/memory-store'
import { describeStore } from './store-contract'

describeStore('MemoryStore', async () => ({ newStore: () => new MemoryStore() }), { listing: true })
