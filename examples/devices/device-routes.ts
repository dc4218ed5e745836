import { Router } from 'express'
import type { SessionManager } from 'holdfast'
import { csrfToken } from '../shared/csrf'
import { signOut } from '../shared/sign-out'
import type { Accounts } from './accounts'
import { devicesPage, type ListedDevice } from './devices-page'
import { accountOf, requireAccount } from './signed-in'

export function deviceRoutes(accounts: Accounts, sessions: SessionManager, clock: () => number): Router {
  const router = Router()
  const guard = requireAccount(accounts)
  const signOutHere = signOut('/sign-in', signedOutHere)

  router.get('/', guard, async (req, res) => {
    const account = accountOf(accounts, req)
    const devices = await listDevices(sessions, account.id, req.session.handle)
    const notice = req.session.get('notice')
    res.send(devicesPage({ account, devices, now: clock(), csrfToken: csrfToken(req), notice }))
  })

  router.post('/devices/:handle/sign-out', guard, async (req, res) => {
    const { id } = accountOf(accounts, req)
    const { handle } = req.params
    if (handle === req.session.handle) {
      signOutHere(req, res)
      return
    }
    const device = (await sessions.users.readAll(id)).get(handle)?.device
    // The handle of another account's session is unknown here: nothing would happen.
    await sessions.users.delete(id, handle)
    req.session.flash('notice', `${device?.name ?? 'That device'} is signed out.`)
    res.redirect(303, '/')
  })

  router.post('/sign-out-others', guard, async (req, res) => {
    const { subject = '', handle } = req.session
    const ended = await sessions.users.deleteAll(subject, { except: handle })
    req.session.flash('notice', `${countDevices(ended)} signed out. You are still signed in here.`)
    res.redirect(303, '/')
  })

  return router
}

export const signedOutHere = 'You are signed out on this device.'

/** "1 other device was", "3 other devices were". */
export function countDevices(count: number): string {
  if (count === 0) return 'No other device was'
  return count === 1 ? '1 other device was' : `${count} other devices were`
}

/** This device first, then those that were used last. */
async function listDevices(sessions: SessionManager, subject: string, current: string): Promise<ListedDevice[]> {
  const listing = await sessions.users.readAll(subject)
  const devices = [...listing].map(([handle, { ip, device, createdAt, accessedAt, expiresAt }]) => ({
    handle,
    isCurrent: handle === current,
    name: device?.name ?? 'Unknown browser',
    type: device?.type ?? 'other',
    ip,
    createdAt,
    accessedAt,
    expiresAt,
  }))
  return devices.sort(
    (one, other) => Number(other.isCurrent) - Number(one.isCurrent) || other.accessedAt - one.accessedAt,
  )
}
