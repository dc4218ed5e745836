import { Router } from 'express'
import { logout, type SessionManager } from 'holdfast'
import { csrfToken } from '../shared/csrf'
import type { Accounts } from './accounts'
import { devicesPage, type ListedDevice } from './devices-page'
import { whenSignedIn } from './signed-in'

export function deviceRoutes(accounts: Accounts, sessions: SessionManager, clock: () => number): Router {
  const router = Router()

  router.get(
    '/',
    whenSignedIn(accounts, async (req, res, account) => {
      const { handle, subject = '' } = req.session
      const devices = await listDevices(sessions, subject, handle)
      res.send(
        devicesPage({ account, devices, now: clock(), csrfToken: csrfToken(req), notice: req.session.get('notice') }),
      )
    }),
  )

  router.post(
    '/devices/:handle/sign-out',
    whenSignedIn(accounts, async (req, res, account) => {
      const handle = String(req.params['handle'])
      if (handle === req.session.handle) {
        logout(req)
        req.session.flash('notice', 'You are signed out on this device.')
        res.redirect(303, '/sign-in')
        return
      }
      const device = (await sessions.users.readAll(account.id)).get(handle)?.device
      // The handle of somebody else's session is no handle here: nothing would happen.
      await sessions.users.delete(account.id, handle)
      req.session.flash(
        'notice',
        device === undefined ? 'That device is signed out.' : `${device.name ?? 'The device'} is signed out.`,
      )
      res.redirect(303, '/')
    }),
  )

  router.post(
    '/sign-out-others',
    whenSignedIn(accounts, async (req, res, account) => {
      const ended = await sessions.users.deleteAll(account.id, { except: req.session.handle })
      req.session.flash('notice', `${countDevices(ended)} signed out. You are still signed in here.`)
      res.redirect(303, '/')
    }),
  )

  return router
}

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
