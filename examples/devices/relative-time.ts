const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const instant = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** The age in its largest unit: "Just now", "5 minutes ago", "Yesterday", "23 days ago". Unix seconds. */
export function describeAge(seconds: number, now: number): string {
  const age = Math.max(0, now - seconds)
  const [unit, length] = units.find(([, size]) => age >= size) ?? ['minute', Infinity]
  const text = length === Infinity ? 'just now' : relative.format(-Math.floor(age / length), unit)
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Day and time in UTC, "Sat 21 Nov, 19:18 UTC": a server does not know the reader's time zone. */
export function describeInstant(seconds: number): string {
  return `${instant.format(new Date(seconds * 1000))} UTC`
}
