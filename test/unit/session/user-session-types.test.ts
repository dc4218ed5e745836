import {
  MemoryStore,
  SessionManager,
  UserSessionManager,
  type UserSessionDevice,
  type UserSessionMetaData,
  type UserSessionStorage,
} from '../../../lib/index'

/** What an app declares for itself; the compiler checks this file, and running it checks that it was right. */
interface Phone {
  name: string
  type: 'phone' | 'tablet'
  pushToken: string
}

class PhoneStorage implements UserSessionStorage<Phone, string> {
  readonly #rows = new Map<string, UserSessionMetaData<Phone, string>>()

  async insert(_subject: string, id: string, metaData: UserSessionMetaData<Phone, string>): Promise<void> {
    this.#rows.set(id, metaData)
  }
  async read(_subject: string, id: string) {
    return this.#rows.get(id)
  }
  readAll() {
    return this.#rows
  }
  async updateAccessedAt(): Promise<void> {}
  async delete(): Promise<void> {}
  deleteAll() {
    return this.#rows.size
  }
}

const device: Phone = { name: 'Pixel', type: 'phone', pushToken: 'abc' }

test.each([
  ['six methods', () => new PhoneStorage()],
  ['a store', () => new MemoryStore()],
])("a device and a location of the app's own, over %s", async (_, open) => {
  const users = new UserSessionManager<Phone, string>({
    storage: open(),
    sessionTtl: 100,
    readUserSessionHook(_subject, _session, context, metaData) {
      const used: 'phone' | 'tablet' | undefined = context.device?.type
      const where: string | undefined = metaData.location
      if (used !== metaData.device?.type || where === 'nowhere') throw new Error('refused')
    },
  })
  const id = await users.create('ann', { ip: '', device, location: 'Iași' })
  const [{ device: known, location }, renewed] = await users.read('ann', id, { ip: '', device })
  const token: string | undefined = known?.pushToken
  const city: string | undefined = location
  const next: string | null = renewed
  expect([token, city, next]).toEqual(['abc', 'Iași', null])
  await expect(users.read('ann', id, { ip: '', device: { ...device, type: 'tablet' } })).rejects.toThrow('refused')
})

test('what does not fit is an error of the compiler', async () => {
  const users = new UserSessionManager<Phone, string>({ storage: new PhoneStorage() })
  // @ts-expect-error a device of another shape
  await users.create('ann', { ip: '', device: { name: 'Pixel' } })
  // @ts-expect-error a location of another type
  await users.create('ann', { ip: '', location: 5 })
  const storage = { insert() {}, read() {}, readAll() {}, delete() {}, deleteAll() {} }
  // @ts-expect-error `updateAccessedAt` is missing
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- wrong on purpose
  expect(() => new UserSessionManager({ storage })).toThrow()
  const sessions = new SessionManager()
  const plain: UserSessionManager = sessions.users
  const [first] = (await plain.readAll('ann')).values()
  const loose: UserSessionDevice | undefined = first?.device
  expect(loose).toBeUndefined()
  await sessions.close()
})
