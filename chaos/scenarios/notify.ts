import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../../harness/say.ts'
import type { ServiceProcess } from '../../harness/service.ts'
import { compose, type EmailContent } from '../../src/notifications/emails/index.ts'
import { DEAD_LETTERS, PUSH_DELIVERIES } from '../../src/notifications/queue-names.ts'
import { type Browser, createBrowser } from '../../test/notifications/push-service.ts'
import { add, compare, type Effects } from '../effects.ts'
import { type Arrival, type Mood, type Outside, startOutside } from '../outside.ts'
import { beginLoad, type Fault, type Scenario, settle, sufferInTurn } from '../scenario.ts'
import { USERS } from '../traffic/outreach.ts'
import type { World } from '../world.ts'

const CHANNELS = ['slack', 'email', 'push'] as const
const BROWSERS_PER_USER = 2
/** An interrupted job is resumed within two minutes, says the contract. */
const ALL_SENT_WITHIN = 150_000
/** Milliseconds before a kill in which a notification may have been sent but not yet marked as sent. */
const MARKED_WITHIN = 3_000

/** Every user reads on two devices. @returns their browsers by the path of the endpoint */
const subscribe = async (world: World, { pushUrl }: Outside): Promise<Map<string, Browser>> => {
  const browsers = new Map<string, Browser>()
  for (let user = 1; user <= USERS; user++) {
    for (let n = 1; n <= BROWSERS_PER_USER; n++) {
      const path = `user-${user}-browser-${n}`
      const browser = createBrowser()
      browsers.set(`/${path}`, browser)
      await world.db.query(
        'insert into push_subscriptions (user_id, endpoint, p256dh, auth) values ($1, $2, $3, $4)',
        [user, pushUrl + path, browser.p256dh, browser.auth],
      )
    }
  }
  return browsers
}

/** The notifications that were requested, named like the arrivals. */
const findRequested = async (world: World): Promise<Effects> => {
  const requested: Effects = new Map()
  const jobs = async (channel: string) =>
    (
      await world.db.query(`select data -> 'data' as data from pgboss.job where name = $1`, [
        `notify-${channel}`,
      ])
    ).rows
  for (const { data } of await jobs('slack')) add(requested, `slack: ${data.text}`)
  for (const { data } of await jobs('email')) {
    add(requested, `email to ${data.to}: ${compose(data as EmailContent).subject}`)
  }
  for (const { data } of await jobs('push')) {
    if (Number(data.userId) > USERS) continue // without a device
    for (let n = 1; n <= BROWSERS_PER_USER; n++) {
      add(requested, `push to /user-${data.userId}-browser-${n}: ${data.body} (${data.outreachId})`)
    }
  }
  return requested
}

const nameOf = (
  channel: (typeof CHANNELS)[number],
  { to, content }: Arrival,
  browsers: Map<string, Browser>,
) => {
  if (channel === 'slack') return `slack: ${new URLSearchParams(content.toString()).get('text')}`
  if (channel === 'email') return `email to ${to}: ${content}`
  const message = browsers.get(to)?.decrypt(content) as { body: string; outreach_id: string }
  return `push to ${to}: ${message.body} (${message.outreach_id})`
}

/** Waits until every notification is sent. @throws when that takes minutes. */
const allSent = async (world: World): Promise<void> => {
  for (const until = Date.now() + ALL_SENT_WITHIN; ; await sleep(500)) {
    // Back-off has grown to minutes: what was refused is tried again at once.
    await world.db.query(
      `update pgboss.job set start_after = now() where state = 'retry' and start_after > now()`,
    )
    const { rows } = await world.db.query(
      `select count(*)::int as open from pgboss.job
       where (name like 'notify-%' or name = $1) and name <> $2 and state <> 'completed'`,
      [PUSH_DELIVERIES, DEAD_LETTERS],
    )
    if (rows[0].open === 0) return
    if (Date.now() > until) throw new Error(`${rows[0].open} notifications are still not sent`)
  }
}

/** Kills the service now and then. @returns a function that ends that and gives the times. */
const keepKilling = (world: World, service: ServiceProcess): (() => Promise<number[]>) => {
  const kills: number[] = []
  let going = true
  const killing = (async () => {
    while (going) {
      await sleep(world.random.between(2_000, 6_000))
      await service.end('SIGKILL')
      kills.push(Date.now())
      service.start()
      await service.ready()
    }
  })()
  return async () => {
    going = false
    await killing
    return kills
  }
}

/** Slack, mail and push have faults in turn, and the service is killed while it sends. */
export const notify: Scenario = {
  title: 'Slack, mail and push down, slow, refusing; the service killed while it sends',
  run: async (world, { seconds, quick }) => {
    const outside = await startOutside()
    try {
      const browsers = await subscribe(world, outside)
      const preload = new URL('../preload/push-to-this-machine.ts', import.meta.url).href
      const service = await world.service({ env: outside.env, nodeOptions: ['--import', preload] })
      service.start()
      await service.ready()
      const load = beginLoad(world, { rate: 30 })
      const stopKilling = keepKilling(world, service)
      const moods: Mood[] = ['down', 'slow', 'busy', 'broken']
      const faults = moods.map(
        (mood): Fault => [mood, () => outside.become(mood), () => outside.become('well')],
      )
      await sufferInTurn(load, faults, { total: (seconds ?? (quick ? 12 : 60)) * 1_000, rounds: 1 })
      const kills = await stopKilling()
      await load.finish()
      await settle(world)
      await allSent(world)
      return { load, ...(await judge(world, outside.arrivals(), browsers, kills)) }
    } finally {
      await outside.stop()
    }
  },
}

/** Compares what arrived with what was requested, and explains what arrived more than once. */
const judge = async (
  world: World,
  all: ReturnType<Outside['arrivals']>,
  browsers: Map<string, Browser>,
  kills: number[],
) => {
  const arrived = new Map<string, Arrival[]>()
  for (const channel of CHANNELS) {
    for (const arrival of all[channel]) {
      const name = nameOf(channel, arrival, browsers)
      arrived.set(name, [...(arrived.get(name) ?? []), arrival])
    }
  }
  const requested = await findRequested(world)
  const comparison = compare(requested, new Map([...arrived].map(([name, { length }]) => [name, length])))
  const reasons = { late: 0, killed: 0, unexplained: 0 }
  for (const [name, arrivals] of arrived) {
    let more = arrivals.length - (requested.get(name) ?? 0)
    for (const { at, mood } of arrivals.toSorted((a, b) => a.at - b.at)) {
      if (more <= 0) break
      if (mood === 'slow') reasons.late++
      else if (kills.some((kill) => kill >= at && kill < at + MARKED_WITHIN)) reasons.killed++
      else continue
      more--
    }
    reasons.unexplained += Math.max(0, more)
  }
  for (const example of comparison.examples.slice(0, 3)) say(`  ${example}`)
  const { rows } = await world.db.query('select count(*)::int as n from pgboss.job where name = $1', [
    DEAD_LETTERS,
  ])
  const faults: string[] = []
  if (comparison.lost > 0) faults.push(`${comparison.lost} notifications never arrived`)
  if (reasons.unexplained > 0) faults.push(`${reasons.unexplained} arrived twice without a reason`)
  if (rows[0].n > 0) faults.push(`${rows[0].n} notifications were given up`)
  return {
    faults,
    rows: [
      ['kills', String(kills.length)],
      ['notifications requested', String(comparison.expected)],
      ['notifications arrived', String(comparison.found)],
      ['never arrived', String(comparison.lost)],
      ['twice: killed between send and mark', String(reasons.killed)],
      ['twice: the answer came too late', String(reasons.late)],
      ['twice: unexplained', String(reasons.unexplained)],
    ] as [string, string][],
  }
}
