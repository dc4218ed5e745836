/** Lists of names, of which the sessions of an app have a few; more than these are not shared. */
const mostShared = 1000
/** Characters of all names together. */
const longestShared = 500
const separator = '\n'

const shared: (readonly string[])[] = []
const places = new Map<string, number>()
const placesOfShared = new Map<readonly string[], number>()

/** The number of a list of names that all sessions with the same names share, or -1 when each has to keep its own. */
export function shareNames(names: readonly string[]): number {
  const own = placesOfShared.get(names)
  if (own !== undefined) return own
  const key = names.join(separator)
  const known = places.get(key)
  // No name in a shared list has a line break: names that have one make the key of a longer list.
  if (known !== undefined) return shared[known]?.length === names.length ? known : -1
  const place = shared.length
  if (place >= mostShared || key.length > longestShared || names.some((name) => name.includes(separator))) return -1
  const list = names.slice()
  shared.push(list)
  places.set(key, place)
  placesOfShared.set(list, place)
  return place
}

export function sharedNames(place: number): readonly string[] {
  return shared[place] ?? []
}
