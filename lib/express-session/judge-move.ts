import type { Observed } from './inspect-move'

/** What a team may do next. `ready`: every process is at one stage. `wait`: a deployment is under way, and safe.
 * `unsafe`: processes serve side by side that must not. `unknown`: a process shows no stage. */
export interface Verdict {
  readonly state: 'ready' | 'wait' | 'unsafe' | 'unknown'
  readonly text: string
}

/** By the option that a deployment is known by, in the guide and in the output. */
export const labels: Readonly<Record<Observed, string>> = {
  'old only': 'old only',
  upcoming: 'upcoming',
  'take-over': 'migrateFrom',
  'own only': 'own only',
  'give-back': 'moveBack',
  'no session': 'no session',
}

const nextSteps: Readonly<Record<Observed, string>> = {
  'old only':
    'Every process uses old alone: it is express-session, or deployment 1. The next step is upcoming, deployment 2. Nothing else is safe: migrateFrom would sign out users of the processes that still run. If upcoming is deployed already, own in this module is not the store of the app, or has another prefix.',
  upcoming:
    'Every process knows both places: deployment 2. The next step is migrateFrom, deployment 3. Back to old alone is safe as long as no process with migrateFrom has run; otherwise moveBack, deployment 2b, comes first.',
  'take-over':
    'Every process moves sessions when they are used: deployment 3. When the longest lifetime of a session has passed since all of it was out, remove migrateFrom. The step back is upcoming, deployment 2, then moveBack.',
  'own only':
    'Every process uses own alone: deployment 4. The move is over. The step back is migrateFrom, deployment 3. If the app has migrateFrom still, old in this module is not the store of the app, or has another prefix.',
  'give-back':
    'Every process gives sessions back when they are used: deployment 2b. When the longest lifetime of a session has passed since all of it was out, remove upcoming and moveBack.',
  'no session':
    'A process does not show that it has used a session. Check in this module that secret, name, both stores and their prefixes are those of the app, and that each URL is a page behind session() that responds within three seconds.',
}

/** Stages that may serve side by side, and what must be true for it. */
const neighbours: readonly { readonly pair: readonly [Observed, Observed]; readonly when?: string }[] = [
  {
    pair: ['old only', 'upcoming'],
    when: 'as long as no process with migrateFrom has run. If one has, deploy upcoming everywhere, then moveBack',
  },
  { pair: ['upcoming', 'take-over'] },
  {
    pair: ['take-over', 'own only'],
    when: 'when the longest lifetime of a session had passed since all of deployment 3 was out. If not, deploy migrateFrom everywhere',
  },
  { pair: ['upcoming', 'give-back'] },
  { pair: ['take-over', 'give-back'] },
  {
    pair: ['give-back', 'old only'],
    when: 'when the longest lifetime of a session had passed since all of deployment 2b was out. If not, deploy moveBack everywhere',
  },
]

/** Whether the next step is safe. */
export function judge(observed: Iterable<Observed>): Verdict {
  const stages = [...new Set(observed)]
  const [only] = stages
  if (only === undefined || stages.includes('no session')) return { state: 'unknown', text: nextSteps['no session'] }
  if (stages.length === 1) return { state: 'ready', text: nextSteps[only] }
  const conditions: string[] = []
  for (const [index, one] of stages.entries()) {
    for (const other of stages.slice(index + 1)) {
      const found = neighbours.find(({ pair }) => pair.includes(one) && pair.includes(other))
      if (found === undefined) return { state: 'unsafe', text: unsafeText(one, other) }
      if (found.when !== undefined) conditions.push(` ${labels[one]} beside ${labels[other]} is safe ${found.when}.`)
    }
  }
  const text = `A deployment is under way: these stages may serve side by side. Check again when it is done.${conditions.join('')}`
  return { state: 'wait', text }
}

function unsafeText(one: Observed, other: Observed): string {
  const blind = one === 'own only' || other === 'own only' ? 'own only' : 'old only'
  const beside = labels[one === blind ? other : one]
  const unknown = blind === 'own only' ? 'old' : 'own'
  return `Processes that are ${blind} serve beside processes that are at ${beside}. They do not know ${unknown}: users whose sessions are there are strangers to them. Deploy upcoming everywhere, now: it finds the sessions of both.`
}
