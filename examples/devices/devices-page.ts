import { csrfField } from '../shared/csrf-field'
import { type Html, html } from '../shared/html'
import type { Account } from './accounts'
import { deviceIcon } from './device-icon'
import { settingsPage } from './pages'
import { describeAge, describeInstant } from './relative-time'

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

/** As many as a person reads at a glance. The others, used longer ago, are one press away. */
const shownAtOnce = 5

export function devicesPage({ account, devices, now, csrfToken, notice }: DevicesParts): string {
  const others = devices.length - 1
  const items = devices.map((device) => listItem(device, devices, now, csrfToken))
  const content = html`<div class="page-title">
      <h1>Where you’re signed in</h1>
      <p class="muted">
        If you don’t recognise a device, sign it out and <a href="/password">change your password</a>.
      </p>
    </div>
    <ul class="devices card">
      ${items.slice(0, shownAtOnce)}
    </ul>
    ${items.length > shownAtOnce && moreDevices(items.slice(shownAtOnce))}
    ${others > 0 ? signOutOthers(others, csrfToken) : undefined}`
  return settingsPage({ title: 'Your devices', current: '/', account, csrfToken, notice, content })
}

function moreDevices(items: readonly Html[]): Html {
  return html`<details class="more-devices">
    <summary class="button button-quiet">
      Show ${items.length} more ${items.length === 1 ? 'device' : 'devices'}
    </summary>
    <ul class="devices card">
      ${items}
    </ul>
  </details>`
}

function listItem(device: ListedDevice, all: readonly ListedDevice[], now: number, csrfToken: string): Html {
  const { isCurrent, name, type, ip, createdAt, accessedAt, expiresAt } = device
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
          <dd>${time(expiresAt, describeInstant(expiresAt), true)}</dd>
        </div>
      </dl>
    </div>
    ${isCurrent ? undefined : signOutForm(device, all, now, csrfToken)}
  </li>`
}

/** Not for this device, which has the button at the top of the page. */
function signOutForm(device: ListedDevice, all: readonly ListedDevice[], now: number, csrfToken: string): Html {
  const { handle, name, accessedAt } = device
  // In a screen reader's list of buttons, devices of one name differ by when they were used.
  const isAmbiguous = all.filter((other) => other.name === name).length > 1
  const when = isAmbiguous && `, last active ${describeAge(accessedAt, now).toLowerCase()}`
  return html`<form method="post" action="/devices/${encodeURIComponent(handle)}/sign-out">
    ${csrfField(csrfToken)}
    <button class="button button-quiet">Sign out<span class="visually-hidden"> ${name}${when}</span></button>
  </form>`
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
      ${csrfField(csrfToken)}
      <button class="button button-danger">Sign out everywhere else</button>
    </form>
  </section>`
}

/** @param isInstant The text is that instant itself, which the page's script writes as the reader's clock shows it. */
function time(seconds: number, text: string, isInstant = false): Html {
  return html`<time
    datetime="${new Date(seconds * 1000).toISOString()}"
    title="${describeInstant(seconds)}"
    ${isInstant && html`data-instant`}
    >${text}</time
  >`
}
