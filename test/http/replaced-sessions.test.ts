import { login, logout } from '../../lib'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, type Fault, faults } from '../support/controlled-store'
import { bare, express5, type Handler } from '../support/server-kinds'
import { fetchRaw, type RawResponse, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

let warnings: ReturnType<typeof collectWarnings>
beforeEach(() => {
  warnings = collectWarnings()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const handler: Handler = (req, res) => {
  if (req.url === '/ada') login(req, 'ada')
  if (req.url === '/bob') login(req, 'bob')
  if (req.url?.startsWith('/out')) logout(req)
  if (req.url === '/out-and-in') login(req, 'bob')
  if (req.url === '/out-flash') req.session.flash('notice', 'bye')
  if (req.url === '/out-value') req.session.set('theme', 'dark')
  if (req.url !== '/whose') res.setHeader('Location', '/')
  res.statusCode = req.url === '/whose' ? 200 : 302
  res.end(String(req.session.subject))
}

describe.each([express5, bare])('$name', (kind) => {
  async function start() {
    const store = new ControlledStore()
    const server = await startApp({ kind, store, storeTimeout: 0.02, handler })
    const cookie = sessionCookie(await fetchRaw(server.port, '/ada')) ?? ''
    const get = (path: string, shown = cookie): Promise<RawResponse> =>
      fetchRaw(server.port, path, { headers: { Cookie: shown } })
    return { ...server, store, get }
  }

  test.each(faults)('a logout signs out when the store fails to insert its flash message (%s)', async (fault) => {
    const { store, get, errors } = await start()
    store.fail('insert', fault)
    const response = await get('/out-flash')
    expect(response).toMatchObject({ status: 302, whole: true })
    expect(valuesOf(response, 'Location')).toEqual(['/'])
    expect(valuesOf(response, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=; .*Expires=Thu, 01 Jan 1970/)])
    expect(errors).toEqual([])
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_FLASH_NOT_STORED'])
    store.mend()
    expect((await get('/whose')).body).toBe('undefined')
  })

  test.each(faults)('a logout that cannot delete fails and leaves the session (%s)', async (fault) => {
    const { store, get, errors } = await start()
    store.fail('delete', fault)
    const response = await get('/out-flash')
    expect(response.status).toBe(503)
    expect(valuesOf(response, 'Set-Cookie')).toEqual([])
    expect(errors).toHaveLength(1)
    expect(store.memory.size).toBe(1)
    if (fault === 'late') return
    store.mend()
    expect((await get('/whose')).body).toBe('ada')
  })

  const replacements = ['/bob', '/out-and-in', '/out-value']
  test.each(replacements.flatMap((path) => faults.map((fault) => [path, fault] as const)))(
    '%s leaves the session that was there when the store fails to insert the new one (%s)',
    async (path, fault) => {
      const { store, get } = await start()
      store.fail('insert', fault)
      const response = await get(path)
      expect(response.status).toBe(503)
      expect(valuesOf(response, 'Set-Cookie')).toEqual([])
      store.mend()
      expect((await get('/whose')).body).toBe('ada')
    },
  )

  test.each(replacements.flatMap((path) => (['reject', 'throw', 'hang'] as Fault[]).map((fault) => [path, fault])))(
    '%s takes the new session back when the store fails to delete the one before (%s)',
    async (path, fault) => {
      const { store, get } = await start()
      store.fail('delete', fault as Fault)
      // The store fails once: what takes the new session back succeeds.
      const remove = store.delete.bind(store)
      let failures = 0
      jest.spyOn(store, 'delete').mockImplementation((...args) => {
        if (failures++ > 0) store.mend()
        return remove(...args)
      })
      const response = await get(path)
      expect(response.status).toBe(503)
      expect(valuesOf(response, 'Set-Cookie')).toEqual([])
      await passTurns(2)
      expect(store.memory.size).toBe(1)
      expect((await get('/whose')).body).toBe('ada')
    },
  )

  test.each(replacements)('%s leaves one session, the new one, when the store works', async (path) => {
    const { store, get } = await start()
    const response = await get(path)
    expect(response.status).toBe(302)
    expect(store.calls).toEqual(['insert', 'load', 'insert', 'delete'])
    expect(store.memory.size).toBe(1)
    expect((await get('/whose')).body).toBe('undefined')
    const subject = path === '/out-value' ? 'undefined' : 'bob'
    expect((await get('/whose', sessionCookie(response))).body).toBe(subject)
  })
})
