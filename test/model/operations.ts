/** What the clients of a run do: browsers with several tabs, jobs, administrators and sockets, at random. */
import { setTimeout as wait } from 'node:timers/promises'
import { Channel, send } from './clients'
import { type Act, handleOf, isOfUsers, type Operation } from './history'
import type { Random } from './random'
import type { Run } from './harness'

/** How often a tab does what. */
const weights: Readonly<Record<Act | 'forget' | 'open-channel', number>> = {
  read: 18,
  set: 24,
  mutate: 5,
  unset: 5,
  flash: 5,
  login: 6,
  logout: 2,
  regenerate: 4,
  destroy: 1,
  'job-get': 2,
  'job-update': 3,
  'job-save': 2,
  'job-delete': 0.4,
  list: 2,
  'delete-all': 0.5,
  'update-all': 1,
  'delete-one': 0.7,
  'channel-update': 5,
  'channel-clear': 0.2,
  'open-channel': 4,
  // The browser throws its cookies away: a new visitor.
  forget: 1.5,
}

const keys = ['k0', 'k1', 'k2', 'k3']
const flashKeys = ['f0', 'f1']
/** Few enough that several browsers sign in as the same. */
export const subjects = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5']

/** The cookies that the tabs of a browser share, and the socket of one of its pages. */
export class Jar {
  readonly name: string
  id: string | undefined
  channel: Channel | undefined

  constructor(name: string) {
    this.name = name
  }

  /** A browser keeps the cookie of the response that came last, whatever was sent first. */
  keep({ issued }: Operation): void {
    if (issued === '') this.id = undefined
    else if (issued !== undefined) this.id = issued
  }
}

/** Works in one tab until the run is over. */
export async function useTab(run: Run, jar: Jar, random: Random): Promise<void> {
  const own = { ...weights, ...run.options.weights }
  while (run.isOn) {
    const act = random.weighted(own)
    if (act === 'forget') jar.id = undefined
    else if (act === 'open-channel') await openChannel(run, jar, random)
    else if (act.startsWith('channel')) await useChannel(run, jar, act, random)
    else if (isOfUsers(act)) await administer(run, jar, act, random)
    else await request(run, jar, act, random)
    await wait(random.upTo(run.options.jars))
  }
}

async function request(run: Run, jar: Jar, act: Act, random: Random): Promise<void> {
  const { id } = jar
  if (act.startsWith('job') && id === undefined) return
  const key = random.pick(act === 'flash' ? flashKeys : keys)
  const subject = random.pick(subjects)
  const pause = random.chance(0.4) ? random.upTo(40) : 0
  const how = random.pick(['json', 'json', 'redirect', 'stream'])
  const cutAfter = random.chance(run.options.lost) ? random.upTo(40) : undefined
  // A slow way there: the other tabs may have got another id meanwhile.
  if (random.chance(0.2)) await wait(random.upTo(80))
  const process = run.pickProcess(random)
  if (process === undefined) return
  const operation = run.begin({
    actor: jar.name,
    act,
    process,
    id,
    ...(act === 'login' ? { subject } : { key }),
  })
  const query = act.startsWith('job')
    ? { id, key, pause }
    : { pause, how, ...(act === 'login' ? { subject } : { key }) }
  await send(run.portOf(process), operation, query, cutAfter)
  if (operation.outcome !== 'lost' && !act.startsWith('job')) jar.keep(operation)
}

async function administer(run: Run, jar: Jar, act: Act, random: Random): Promise<void> {
  const subject = random.pick(subjects)
  const target = act === 'delete-one' && jar.id !== undefined ? handleOf(jar.id) : undefined
  const process = run.pickProcess(random)
  if (process === undefined || (act === 'delete-one' && target === undefined)) return
  const operation = run.begin({
    actor: 'administrator',
    act,
    process,
    subject,
    ...(act === 'update-all' && { key: 'role' }),
    ...(target !== undefined && { target }),
  })
  const { key } = operation
  await send(run.portOf(process), operation, { subject, ...(key && { key }), ...(target && { target }) })
}

/** Lists each subject, so that a run has listings to check also where its administrator was not at work at the end. */
export async function listEverySubject(run: Run, process: number): Promise<void> {
  for (const subject of subjects) {
    const operation = run.begin({ actor: 'administrator', act: 'list', process, subject })
    await send(run.portOf(process), operation, { subject })
  }
}

async function openChannel(run: Run, jar: Jar, random: Random): Promise<void> {
  if (jar.channel?.isOpen === true && random.chance(0.7)) return
  jar.channel?.close()
  const process = run.pickProcess(random)
  if (jar.id === undefined || process === undefined) return
  const channel = await Channel.open(run.portOf(process), process, jar.id)
  if (channel === undefined) return
  run.sockets.push(channel.life)
  // Another tab may have been quicker.
  jar.channel?.close()
  jar.channel = channel
}

async function useChannel(run: Run, jar: Jar, act: Act, random: Random): Promise<void> {
  const { channel } = jar
  if (channel?.isOpen !== true || channel.isBusy) return
  const operation = run.begin({
    actor: `${jar.name}, socket`,
    act,
    process: channel.life.process,
    id: channel.life.id,
    key: random.pick(keys),
    ...(channel.life.subject !== undefined && { subject: channel.life.subject }),
  })
  await channel.ask(operation)
}
