import { createHash } from 'node:crypto'

// The events of the benchmark: number n is the same in every run and for every contestant, and unlike any other.

export const OUTREACH_ROWS = 20_000
export const MAILBOXES = 40
export const CUSTOMERS = 1_000

/** Of a thousand events. The rest is `delivered`. */
const MIX = { spamreport: 1, bounce: 99, click: 200 } as const
type EventType = keyof typeof MIX | 'delivered'

/** Scrambles a number, so that types and outreach rows follow no order; the finalizer of MurmurHash3. */
const scramble = (n: number): number => {
  let h = Math.imul(n ^ (n >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const typeOf = (n: number): EventType => {
  const of1000 = scramble(n) % 1_000
  if (of1000 < MIX.spamreport) return 'spamreport'
  if (of1000 < MIX.spamreport + MIX.bounce) return 'bounce'
  return of1000 < MIX.spamreport + MIX.bounce + MIX.click ? 'click' : 'delivered'
}

const FIELDS: { [T in EventType]: (outreachId: number) => Record<string, unknown> } = {
  delivered: () => ({ ip: '168.245.22.14', response: '250 2.0.0 OK 1763990400 a1-20020 - gsmtp', tls: 1 }),
  click: (outreachId) => ({
    ip: '203.0.113.77',
    useragent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15',
    url: `https://roleferry.com/candidates/${outreachId}`,
    url_offset: { index: 0, type: 'html' },
  }),
  bounce: () => ({
    ip: '168.245.22.14',
    reason: '550 5.1.1 The email account that you tried to reach does not exist.',
    status: '5.1.1',
    type: 'bounce',
    bounce_classification: 'Invalid Address',
    tls: 1,
  }),
  spamreport: () => ({}),
}

const mailOf = (outreachId: number): string =>
  createHash('md5').update(`mail ${outreachId}`).digest('base64url')

/** Event number n as SendGrid reports it in the hour before `timestamp` (seconds). */
export const eventOf = (n: number, timestamp: number): Record<string, unknown> => {
  const type = typeOf(n)
  const outreachId = 1 + (scramble(n + 0x9e3779b9) % OUTREACH_ROWS)
  const random = createHash('md5').update(String(n)).digest('base64url')
  return {
    email: `contact${outreachId}@example.com`,
    // Later ones happened later: an older time would change nothing.
    timestamp: timestamp - 3_600 + (Math.floor(n / 100) % 3_600),
    'smtp-id': `<outreach_${outreachId}@rf-send-01.com>`,
    event: type,
    category: ['outreach'],
    sg_event_id: random,
    // Every event of a mail has the same beginning.
    sg_message_id: `${mailOf(outreachId)}.recvd-7b56b9d8c-4x2lq-1-69249C00-${n.toString(16).toUpperCase()}.0`,
    outreach_id: String(outreachId),
    ...FIELDS[type](outreachId),
  }
}

/** What the events first … first + count - 1 add up to in the domain rows. */
export const expectedSums = (first: number, count: number) => {
  const sums = { clicks: 0, bounces: 0, spamReports: 0 }
  for (let n = first; n < first + count; n++) {
    const type = typeOf(n)
    if (type === 'click') sums.clicks++
    else if (type === 'bounce') sums.bounces++
    else if (type === 'spamreport') sums.spamReports++
  }
  return sums
}

/** The rows the events are about: each outreach has a contact and an application of its own. */
export const SEED_SQL = `
insert into users (email, stripe_customer_id)
select 'user' || n || '@example.com', 'cus_bench_' || n from generate_series(1, ${CUSTOMERS}) n;
insert into companies (name) select 'Company ' || n from generate_series(1, 1000) n;
insert into jobs (company_id, title) select n, 'Engineer' from generate_series(1, 1000) n;
insert into applications (user_id, job_id) select 1 + n % 1000, 1 + n % 1000 from generate_series(1, ${OUTREACH_ROWS}) n;
insert into contacts (company_id, email, first_name)
select 1 + n % 1000, 'contact' || n || '@example.com', 'Ana' from generate_series(1, ${OUTREACH_ROWS}) n;
insert into mailboxes (email) select 'box' || n || '@rf-send-01.com' from generate_series(0, ${MAILBOXES - 1}) n;
insert into outreach (application_id, contact_id, from_mailbox, message_id, status, sent_at)
select n, n, 'box' || n % ${MAILBOXES} || '@rf-send-01.com', '<outreach_' || n || '@rf-send-01.com>', 'sent', now()
from generate_series(1, ${OUTREACH_ROWS}) n;
insert into sequence_steps (outreach_id, position, scheduled_at)
select n, 1, now() + interval '3 days' from generate_series(1, ${OUTREACH_ROWS}) n;`
