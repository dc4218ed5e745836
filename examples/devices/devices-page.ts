import { type Html, html } from '../shared/html'
import type { Account } from './accounts'
import { deviceIcon } from './device-icon'
import { settingsPage, tokenField } from './pages'
import { describeAge, describeDay, describeInstant } from './relative-time'

export interface ListedDevice {
  readonly handle: string
  readonly isCurrent: boolean
  readonly name: string
  readonly type: string
  readonly ip: string
  readonly createdAt: number
  readonly accessedAt: number
  readonly expiresAt: number
}

export interface DevicesParts {
  readonly account: Account
  readonly devices: readonly ListedDevice[]
  readonly now: number
  readonly csrfToken: string
  readonly notice?: string | undefined
}

export function devicesPage({ account, devices, now, csrfToken, notice }: DevicesParts): string {
  const others = devices.length - 1
  const content = html`<div class="page-title">
      <h1>Where you’re signed in</h1>
      <p class="muted">
        If you don’t recognise a device, sign it out and <a href="/password">change your password</a>.
      </p>
    </div>
    <ul class="devices card">
      ${devices.map((device) => listItem(device, now, csrfToken))}
    </ul>
    ${others > 0 ? signOutOthers(others, csrfToken) : undefined}`
  return settingsPage({ title: 'Your devices', current: '/', account, csrfToken, notice, content })
}

function listItem(device: ListedDevice, now: number, csrfToken: string): Html {
  const { handle, isCurrent, name, type, ip, createdAt, accessedAt, expiresAt } = device
  return html`<li class="device" ${isCurrent && html`data-current`}>
    <span class="device-icon">${deviceIcon(type)}</span>
    <div class="device-text">
      <h2 class="device-name">${name} ${isCurrent && html`<span class="badge">This device</span>`}</h2>
      <dl class="device-facts">
        <div>
          <dt>Last active</dt>
          <dd>${isCurrent ? 'Now' : time(accessedAt, describeAge(accessedAt, now))}</dd>
        </div>
        <div>
          <dt>Address</dt>
          <dd>${ip}</dd>
        </div>
        <div>
          <dt>Signed in</dt>
          <dd>${time(createdAt, describeAge(createdAt, now))}</dd>
        </div>
        <div>
          <dt>Until</dt>
          <dd>${time(expiresAt, describeDay(expiresAt, now))}</dd>
        </div>
      </dl>
    </div>
    <form method="post" action="/devices/${encodeURIComponent(handle)}/sign-out">
      ${tokenField(csrfToken)}
      <button class="button button-quiet">
        Sign out<span class="visually-hidden"> ${name}${isCurrent && ' (this device)'}</span>
      </button>
    </form>
  </li>`
}

function signOutOthers(others: number, csrfToken: string): Html {
  return html`<section class="card everywhere-else" aria-labelledby="everywhere-else">
    <div>
      <h2 id="everywhere-else">All your other devices</h2>
      <p class="muted">
        ${others === 1 ? 'Ends 1 other session' : `Ends ${others} other sessions`} at once. You stay signed in here.
      </p>
    </div>
    <form method="post" action="/sign-out-others">
      ${tokenField(csrfToken)}
      <button class="button button-danger">Sign out everywhere else</button>
    </form>
  </section>`
}

function time(seconds: number, text: string): Html {
  return html`<time datetime="${new Date(seconds * 1000).toISOString()}" title="${describeInstant(seconds)}"
    >${text}</time
  >`
}
