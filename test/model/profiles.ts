/** The runs of `npm run test:model`: what is set, and what goes wrong. */
import type { RunOptions } from './history'

const renewal = { renewal: 1, overlap: 3 }
/** With a fault about, a message may be lost: then a channel looks for itself. */
const troubled = { checkInterval: 2 }

/** Little ends. */
const calm = {
  forget: 0.1,
  login: 1,
  logout: 0.1,
  regenerate: 0.3,
  destroy: 0.05,
  'job-delete': 0.02,
  'delete-all': 0.02,
  'delete-one': 0.05,
  'channel-clear': 0.02,
}

export const profiles: Readonly<Record<string, Partial<RunOptions>>> = {
  plain: {},
  renewal: { timeouts: renewal, lost: 0 },
  'long-lived': { timeouts: { renewal: 0.4, overlap: 1.2 }, lost: 0, weights: calm },
  // Sessions live long enough to be renewed, and to show whether a client that missed a renewal is signed out.
  'renewal-lost': {
    timeouts: { renewal: 1, overlap: 1.5 },
    lost: 0.08,
    weights: calm,
  },
  logins: { weights: { set: 8, login: 24, logout: 12, destroy: 4, 'channel-clear': 2 } },
  idle: { timeouts: { idle: 2 } },
  // Small against the timeouts, as clocks have to be: see the guide.
  skew: { timeouts: { renewal: 1, overlap: 4 }, skews: [0.3, 0, -0.3], lost: 0 },
  kill: { faults: ['kill'], ...troubled },
  connections: { faults: ['client-kill', 'script-flush', 'replies'], ...troubled },
  lines: { faults: ['cut', 'slow', 'hang'], ...troubled },
  restart: { faults: ['restart'], ...troubled },
  stalls: { faults: ['stop', 'stall', 'redis-sleep'], ...troubled },
  all: {
    faults: [
      'kill',
      'client-kill',
      'script-flush',
      'replies',
      'cut',
      'slow',
      'hang',
      'restart',
      'stop',
      'stall',
      'redis-sleep',
    ],
    timeouts: renewal,
    ...troubled,
  },
}
