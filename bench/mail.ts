import { startService } from './contestants.ts'
import { type Bench, measure } from './measure.ts'
import type { Outcome } from './outcome.ts'

const MAILS = { full: 5_000, quick: 1_000 }

/**
 * Mail that comes back to a mailbox with 10,000 outreach and to others: in threads and not, of contacts, colleagues and
 * strangers.
 */
export const mail = async (bench: Bench): Promise<Outcome> => {
  const place = await bench.servers.place()
  // Half of the outreach belongs to one mailbox: finding an outreach must not take longer because of it.
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
        says: "Postgres's CPU for one mail, µs",
        value: measured.cpu.postgres,
        goal: 500,
        floor: 2_000,
        less: true,
      },
    ],
  }
}
