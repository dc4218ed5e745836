const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const instant = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
const clockTime = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', timeZone: 'UTC' })

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** How long ago, to the unit that matters: "Just now", "5 minutes ago", "Yesterday", "23 days ago". Unix seconds. */
export function describeAge(seconds: number, now: number): string {
  const age = Math.max(0, now - seconds)
  const [unit, length] = units.find(([, size]) => age >= size) ?? ['minute', Infinity]
  const text = length === Infinity ? 'just now' : relative.format(-Math.floor(age / length), unit)
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** When to come: the time of day if that is less than a day away, the day otherwise. */
export function describeDay(seconds: number, now: number): string {
  const date = new Date(seconds * 1000)
  return seconds - now < 86_400 ? `${clockTime.format(date)} UTC` : day.format(date)
}

export function describeInstant(seconds: number): string {
  return `${instant.format(new Date(seconds * 1000))} UTC`
}
