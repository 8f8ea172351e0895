import { fillOutreach, measureCpu } from '../harness/mail-volume.ts'
import { startService } from './contestants.ts'
import { type Bench, measure } from './measure.ts'
import { median } from './median.ts'
import type { Outcome } from './outcome.ts'
import { cpuSeconds } from './usage.ts'

const MAILS = { full: 5_000, quick: 1_000 }
/** 20,000 of them from one mailbox. */
const OUTREACH = 100_000
const ROUNDS = { full: 3, quick: 1 }

/** Of ten mails, the number of each kind, as the load generator sends them: automatic mail comes in threads, too. */
const MIX: Record<string, number> = {
  'in a thread': 6,
  'of a contact': 1,
  'of a colleague': 1,
  'of a stranger': 2,
}

/** Mail that comes back, to a mailbox with 10,000 outreach and to others; and the share of matching in its cost. */
export const mail = async (bench: Bench): Promise<Outcome> => {
  const place = await bench.servers.place()
  // As of one mailbox: the rules that find an outreach must not depend on how many it has.
  await place.db.query(`update outreach set from_mailbox = 'box0@rf-send-01.com' where id % 2 = 0`)
  await place.db.query('vacuum analyze outreach')
  const running = await startService()(place, bench.keys)
  const mails = bench.quick ? MAILS.quick : MAILS.full
  const send = (name: string, firstEvent: number, deliveries: number) =>
    measure(bench, name, running, place, {
      provider: 'mailgun',
      firstEvent,
      deliveries,
      eventsPerDelivery: 1,
    })
  await send('warming up', 0, 500)
  const measured = await send('mail', 1_000_000, mails)
  await running.stop()
  await place.drop()
  return {
    results: { 'Mailgun, one mail per delivery': { service: measured } },
    targets: [
      {
        says: "Postgres's CPU for matching one mail, µs",
        value: await matching(bench),
        goal: 500,
        floor: 1_000,
        less: true,
      },
    ],
  }
}

/** The CPU that Postgres needs to find the outreach that a mail answers, in microseconds, for the mix of the mails above. */
const matching = async (bench: Bench): Promise<number> => {
  const place = await bench.servers.place()
  const client = await place.db.connect()
  await client.query('truncate contacts, outreach, mailboxes restart identity cascade')
  await fillOutreach(client, OUTREACH)
  client.release()
  const rounds: number[] = []
  const count = bench.quick ? ROUNDS.quick : ROUNDS.full
  for (let round = 1; round <= count; round++) {
    bench.progress(`matching, round ${round} of ${count}`)
    const costs = await measureCpu(place.databaseUrl, cpuSeconds)
    rounds.push(
      costs.reduce((sum, { what, microseconds }) => sum + ((MIX[what] ?? 0) / 10) * microseconds, 0),
    )
  }
  await place.drop()
  return median(rounds)
}
