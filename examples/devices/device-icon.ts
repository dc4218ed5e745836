import { type Html, html } from '../shared/html'

const shapes: Readonly<Record<string, Html>> = {
  desktop: html`<rect x="3" y="4" width="18" height="12" rx="2"></rect><path d="M8.5 20h7M12 16v4"></path>`,
  mobile: html`<rect x="7" y="2.5" width="10" height="19" rx="2.5"></rect><path d="M11 18.5h2"></path>`,
  tablet: html`<rect x="4.5" y="2.5" width="15" height="19" rx="2.5"></rect><path d="M11 18.5h2"></path>`,
  other: html`<circle cx="12" cy="12" r="9"></circle><path d="M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18"></path>`,
}

/** A drawing of the kind of device. Decoration: the name beside it says the same. */
export function deviceIcon(type: string): Html {
  return html`<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
    ${shapes[type] ?? shapes['other']}
  </svg>`
}
