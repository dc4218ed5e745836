import { type CommitFacts, type CommitPlan, planCommit } from '../../../lib/express-session/commit-plan'

const fresh: CommitFacts = {
  stored: false,
  changed: false,
  modified: false,
  cookieChanged: false,
  accessRequested: false,
  saveUninitialized: false,
  rolling: false,
  hasEnd: false,
  clientHasId: false,
  sent: false,
  delivery: 'open',
}
const opened: CommitFacts = { ...fresh, stored: true, clientHasId: true }
const changed = { changed: true, modified: true }

const rows: [name: string, facts: CommitFacts, store: CommitPlan['store'], sends: boolean, undeliverable: boolean][] = [
  ['a new session that was not used', fresh, 'nothing', false, false],
  ['the same with saveUninitialized', { ...fresh, saveUninitialized: true }, 'create', true, false],
  ['the same with rolling alone', { ...fresh, rolling: true }, 'nothing', false, false],
  ['a new session with a value', { ...fresh, ...changed }, 'create', true, false],
  ['one that regenerate made', { ...fresh, modified: true }, 'create', true, false],
  ['a new session after the headers', { ...fresh, ...changed, delivery: 'headers-sent' }, 'nothing', false, true],
  [
    'a new session with a secure cookie over plain HTTP',
    { ...fresh, ...changed, delivery: 'insecure' },
    'create',
    false,
    true,
  ],
  ['a new session that save() stored', { ...fresh, stored: true, modified: true }, 'nothing', true, false],
  [
    'the same, at the second write of the response',
    { ...fresh, stored: true, modified: true, sent: true },
    'nothing',
    false,
    false,
  ],
  ['a session that was only read', opened, 'nothing', false, false],
  ['one that was only read, with an end', { ...opened, hasEnd: true }, 'nothing', false, false],
  ['one that was only read, with rolling', { ...opened, rolling: true }, 'nothing', true, false],
  ['one that was touched', { ...opened, accessRequested: true, hasEnd: true }, 'access', false, false],
  ['one that was changed', { ...opened, ...changed }, 'update', false, false],
  ['one that was changed, with an end', { ...opened, ...changed, hasEnd: true }, 'update', true, false],
  ['one that was changed and touched', { ...opened, ...changed, accessRequested: true }, 'update', false, false],
  ['one whose change save() stored, with an end', { ...opened, modified: true, hasEnd: true }, 'nothing', true, false],
  ['one whose cookie was changed', { ...opened, cookieChanged: true, hasEnd: true }, 'update', false, false],
  [
    'one that was changed after the headers',
    { ...opened, ...changed, hasEnd: true, delivery: 'headers-sent' },
    'update',
    false,
    false,
  ],
  [
    'one that was changed, its secure cookie over plain HTTP',
    { ...opened, ...changed, hasEnd: true, delivery: 'insecure' },
    'update',
    false,
    false,
  ],
]

test.each(rows)('%s', (_name, facts, store, sendsCookie, undeliverable) => {
  expect(planCommit(facts)).toEqual({ store, sendsCookie, undeliverable })
})
