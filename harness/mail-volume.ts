import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { KEEP_PLANS } from '../src/db/prepared.ts'
import { fromPayload, type Mail } from '../src/mail/mail.ts'
import { lookUp } from '../src/mail/match/known.ts'
import { byAddress } from '../src/mail/match/match.ts'
import { readThread } from '../src/mail/match/threads.ts'
import { takeIndexes } from './volume.ts'

/** The mailbox with the most outreach, as much as one that sends fifty mails a day has after a year. */
const LARGE_MAILBOX = 'box0@rf-send-01.com'
const IN_LARGE_MAILBOX = 20_000
const PER_MAILBOX = 1_000
/** Contacts of a company that nobody wrote to. */
const UNWRITTEN = 1_000

/**
 * Fills contacts, mailboxes and outreach by SQL: five contacts for each company, one company with a thousandth of all,
 * and one with a thousand that no outreach went to; one in ten outreach is replied or bounced.
 *
 * @param outreach how many, more than 20,000
 */
export const fillOutreach = async (
  connection: Pick<pg.ClientBase, 'query'>,
  outreach: number,
): Promise<void> => {
  const rebuild = [
    ...(await takeIndexes(connection, 'contacts')),
    ...(await takeIndexes(connection, 'outreach')),
  ]
  // The contacts exist, so foreign keys need no checks here.
  await connection.query('set session_replication_role = replica')
  await connection.query(
    `insert into contacts (email)
     select 'contact' || n || '@' || case when n % 1000 = 0 then 'large' else 'company' || n / 5 end || '.example'
     from generate_series(1, $1::int) n`,
    [outreach / 2],
  )
  await connection.query(
    `insert into contacts (email) select 'contact' || n || '@unwritten.example' from generate_series(1, $1::int) n`,
    [UNWRITTEN],
  )
  await connection.query(
    `insert into mailboxes (email) select 'box' || n || '@rf-send-01.com' from generate_series(0, $1::int) n`,
    [Math.ceil((outreach - IN_LARGE_MAILBOX) / PER_MAILBOX)],
  )
  await connection.query(
    `insert into outreach (contact_id, from_mailbox, message_id, status, sent_at, replied_at)
     select 1 + (n::bigint * 7919) % $2::int,
            'box' || case when n <= $3::int then 0 else 1 + (n - $3::int - 1) / $4::int end || '@rf-send-01.com',
            '<outreach_' || n || '@rf-send-01.com>', status, at, case status when 'replied' then at + interval '1 day' end
     from (
       select n, (case n % 20 when 0 then 'replied' when 1 then 'bounced' when 2 then 'sent' else 'delivered' end)::outreach_status as status,
              now() - n * interval '90 days' / $1::int as at
       from generate_series(1, $1::int) n
     ) filled`,
    [outreach, outreach / 2, IN_LARGE_MAILBOX, PER_MAILBOX],
  )
  await connection.query('set session_replication_role = origin')
  for (const statement of rebuild) await connection.query(statement)
  await connection.query('vacuum analyze')
}

/** The cost of one statement in Postgres. */
export interface Cost {
  what: string
  /** Of execution, with what it reads in memory. */
  milliseconds: number
  /** Pages of 8 KiB that were looked at. */
  pages: number
  /** Tables that are read from end to end. */
  whole: string[]
  /** The most rows that are sorted at once. */
  sorted: number
  plan: string
}

interface Node {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  Plans?: Node[]
}

const wholeTables = (node: Node): string[] => [
  ...(node['Node Type'] === 'Seq Scan' ? [String(node['Relation Name'])] : []),
  ...(node.Plans ?? []).flatMap(wholeTables),
]

const mostSorted = (node: Node): number => {
  const below = node.Plans ?? []
  const own = /Sort/.test(node['Node Type']) ? below.map((one) => one['Actual Rows']) : []
  return Math.max(0, ...own, ...below.map(mostSorted))
}

const mail = (from: string, { to = LARGE_MAILBOX, thread = '' } = {}) =>
  fromPayload({
    from,
    sender: from,
    recipient: to,
    messageId: `<${from}>`,
    headers: thread === '' ? [] : [['In-Reply-To', thread]],
  })

const EVERY_RULE = { domain: true, mailbox: true }

const MAILS = {
  'in a thread': mail('somebody@elsewhere.example', { thread: '<outreach_4711@rf-send-01.com>' }),
  'in an unknown thread': mail('somebody@elsewhere.example', { thread: '<unknown@elsewhere.example>' }),
  'of a contact': mail('contact7920@company1584.example'),
  'of a colleague': mail('colleague@company1584.example'),
  'of a large company': mail('colleague@large.example'),
  'of a large company that was not written to': mail('somebody@unwritten.example'),
  'of a stranger': mail('somebody@elsewhere.example'),
  'of a stranger, to an address of nobody': mail('somebody@elsewhere.example', {
    to: 'nobody@rf-send-01.com',
  }),
}

/**
 * Runs every statement of the matching for one mail of each kind, several times, with the plans that `KEEP_PLANS`
 * keeps.
 *
 * @param databaseUrl of a role that may load `auto_explain`
 */
export const measureMatching = async (databaseUrl: string): Promise<Cost[]> => {
  const settings = {
    session_preload_libraries: 'auto_explain',
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    enable_sort: 'off',
    client_min_messages: 'log',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_buffers': 'on',
    'auto_explain.log_format': 'json',
  }
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
  // Without a transaction, in which a plan is reported only when the next statement begins.
  const client = new pg.Client({ connectionString: databaseUrl, options: options.join(' ') })
  let seen: { milliseconds: number; plan: Node }[] = []
  client.on('notice', ({ message = '' }) => {
    const [, milliseconds, json] = /^duration: ([\d.]+) ms {2}plan:\n(.*)$/s.exec(message) ?? []
    if (json !== undefined) seen.push({ milliseconds: Number(milliseconds), plan: JSON.parse(json).Plan })
  })
  await client.connect()
  const tx = drizzle({ client, casing: 'snake_case' })
  const costs: Cost[] = []
  for (let round = 0; round < 8; round++) {
    costs.length = 0
    for (const [kind, one] of Object.entries(MAILS)) {
      const look = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
        seen = []
        const found = await run()
        for (const { milliseconds, plan } of seen) {
          const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
          const [whole, sorted] = [wholeTables(plan), mostSorted(plan)]
          costs.push({
            what: `${kind}: ${what}`,
            milliseconds,
            pages,
            whole,
            sorted,
            plan: JSON.stringify(plan),
          })
        }
        return found
      }
      const { ids } = readThread(one)
      const { recipients, thread } = await look('what is known', () => lookUp({ tx }, one, ids))
      if (thread !== undefined) continue
      await look('by address', () => byAddress({ tx }, one, recipients, EVERY_RULE))
    }
  }
  await client.end()
  return costs
}

/** Of each kind of mail: some take much longer than others. */
const MAX_CPU_SECONDS = 2

/**
 * The CPU time of the session that matches one mail of each kind, in microseconds: what the statements themselves take, and
 * what each of them costs beside, as a mean of many.
 *
 * @param cpuSeconds of a process, so far
 */
export const measureCpu = async (
  databaseUrl: string,
  cpuSeconds: (pid: number) => Promise<number>,
  rounds = 1_000,
): Promise<{ what: string; microseconds: number }[]> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pid = rows[0]?.pid ?? 0
  const tx = drizzle({ client, casing: 'snake_case' })
  const match = async (one: Mail) => {
    const { recipients, thread } = await lookUp({ tx }, one, readThread(one).ids)
    if (thread === undefined) await byAddress({ tx }, one, recipients, EVERY_RULE)
  }
  await client.query(`begin; ${KEEP_PLANS}`)
  const costs = []
  for (const [what, one] of Object.entries(MAILS)) {
    for (let n = 0; n < 20; n++) await match(one)
    const before = await cpuSeconds(pid)
    let done = 0
    let seconds = 0
    while (done < rounds && seconds < MAX_CPU_SECONDS) {
      for (let n = 0; n < 50; n++) await match(one)
      done += 50
      seconds = (await cpuSeconds(pid)) - before
    }
    costs.push({ what, microseconds: (seconds / done) * 1e6 })
  }
  await client.end()
  return costs
}
