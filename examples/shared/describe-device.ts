import Bowser from 'bowser'

export type DeviceType = 'desktop' | 'mobile' | 'tablet' | 'other'

/** What a person would call a device: `{ name: 'Firefox on Windows', type: 'desktop' }`. */
export interface Device {
  readonly name: string
  readonly type: DeviceType
}

/** Reads a `User-Agent` header. A client can send any: the name is for the owner of a session to recognise, it proves
 * nothing. */
export function describeDevice(userAgent: string | undefined): Device {
  const text = (userAgent ?? '').slice(0, 400)
  if (text === '') return { name: 'Unknown browser', type: 'other' }
  const { browser, os, platform } = Bowser.parse(text)
  const system = platform.vendor === 'Apple' && platform.model !== undefined ? platform.model : os.name
  const program = browser.name === undefined || browser.name === '' ? 'Unknown browser' : browser.name
  return { name: system === undefined ? program : `${program} on ${system}`, type: typeOf(platform.type) }
}

function typeOf(type: string | undefined): DeviceType {
  return type === 'desktop' || type === 'mobile' || type === 'tablet' ? type : 'other'
}
