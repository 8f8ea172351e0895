import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { seed as seedRows } from '../harness/seed.ts'
import { createService } from '../harness/service.ts'
import { type FuzzCase, makeCase } from './case.ts'
import { judge } from './judge.ts'
import { createSenders } from './senders.ts'
import type { Blocked } from './watch-loop.ts'
import { type Answer, exchange } from './wire.ts'

export interface FuzzOptions {
  seed: number
  /** Which cases, in this order. */
  numbers: Iterable<number>
  /** Milliseconds of work (CPU time) for which one request may block the event loop. */
  maxBlocked: number
  /** As the service connects, and as the owner of the tables. */
  databaseUrl: string
  ownerUrl: string
  redisUrl: string
  onFinding?: (finding: Finding) => void
  /** Called after every round. */
  onProgress?: (counts: FuzzCounts) => void
}

interface Finding {
  case: FuzzCase
  problem: string
}

export interface FuzzCounts {
  cases: number
  byKind: Record<FuzzCase['kind'], number>
  byStatus: Map<number | 'none', number>
  /** Events the service said it accepted. */
  accepted: number
  /** Milliseconds of work for which one round of requests blocked the event loop, at most. */
  longestBlocked: number
  findings: Finding[]
}

/** Cases sent at once. After a finding they are sent again one by one. */
const ROUND = 48
/** Milliseconds. The service answers within 5 s, whatever Postgres does; the machine may be busy. */
const ANSWER_WITHIN = 30_000
/** Milliseconds for incomplete requests: the service would wait longer for the rest, which is not tested here. */
const ODD_ANSWER_WITHIN = 300
const LATE = 50
const SETTLE_WITHIN = 60_000
/** The most findings: enough to see what is wrong, without running on when everything is. */
const MAX_FINDINGS = 10

/** Sends cases to the production entry point, a process of its own, and looks whether it keeps its promises. */
export const fuzz = async (options: FuzzOptions): Promise<FuzzCounts & { memory: number }> => {
  const senders = createSenders()
  await seedRows(options.ownerUrl)
  const db = new pg.Pool({ connectionString: options.ownerUrl, max: 2 })
  db.on('error', () => {}) // the database may be dropped, or its server stopped, at once
  db.on('connect', (client) => client.on('error', () => {}))
  const service = await createService(
    {
      ...senders.env,
      DATABASE_URL: options.databaseUrl,
      REDIS_URL: options.redisUrl,
      CONSOLE_PASSWORD: crypto.randomUUID(),
    },
    ['--import', pathToFileURL(new URL('watch-loop.ts', import.meta.url).pathname).href],
  )
  const port = Number(new URL(service.url).port)
  const counts: FuzzCounts = {
    cases: 0,
    byKind: { signed: 0, forged: 0, odd: 0 },
    byStatus: new Map(),
    accepted: 0,
    longestBlocked: 0,
    findings: [],
  }
  let lastRow = '0'

  const start = async () => {
    service.start()
    await service.ready()
    await service.ask('since start') // leaves out the time of starting
  }

  /** Sends cases at once. @returns what is wrong, by case where that is known. */
  const send = async (cases: FuzzCase[]): Promise<{ problems: Map<FuzzCase, string>; together?: string }> => {
    const answers = await Promise.all(
      cases.map(async (one): Promise<[FuzzCase, Answer]> => {
        return [one, await exchange(port, one.bytes, one.owed ? ANSWER_WITHIN : ODD_ANSWER_WITHIN)]
      }),
    )
    const problems = new Map<FuzzCase, string>()
    for (const [one, answer] of answers) {
      const problem = judge(one, answer)
      if (problem !== undefined) problems.set(one, problem)
      counts.byStatus.set(answer.status ?? 'none', 1 + (counts.byStatus.get(answer.status ?? 'none') ?? 0))
    }
    if (!service.isRunning()) {
      const together = `the service ended: ${service.log().slice(-3).join(' ').slice(0, 500)}`
      await start()
      return { problems, together }
    }
    const exactly = cases.every(({ kind }) => kind !== 'odd')
    const together =
      (await lookAtRows(
        answers.map(([, answer]) => answer),
        exactly,
      )) ?? (await lookAtLoop())
    return { problems, ...(together === undefined ? {} : { together }) }
  }

  const lookAtLoop = async (): Promise<string | undefined> => {
    const { cpu, clock } = (await service.ask('since the last time')) as Blocked
    counts.longestBlocked = Math.max(counts.longestBlocked, cpu)
    if (cpu <= options.maxBlocked) return undefined
    return `the event loop was blocked by ${Math.round(cpu)} ms of work (${Math.round(clock)} ms by the clock)`
  }

  /** Whether as many events were stored as were accepted, and whether their handlers coped with them. */
  const lookAtRows = async (answers: Answer[], exactly: boolean): Promise<string | undefined> => {
    const accepted = answers.reduce((sum, answer) => sum + acceptedBy(answer), 0)
    // What is answered 503 or given up may be stored all the same, and may come late.
    const uncertain = !exactly || answers.some(({ status }) => status === undefined || status === 503)
    if (uncertain) await sleep(LATE)
    counts.accepted += accepted
    for (const until = Date.now() + SETTLE_WITHIN; ; await sleep(5)) {
      const { rows } = await db.query(LOOK, [lastRow])
      const { stored, untouched, error, last } = rows[0]
      if (untouched > 0) {
        if (Date.now() > until) return `${untouched} events are not processed`
        continue
      }
      lastRow = last
      if (error !== null) return `a handler failed: ${error}`
      if (stored === accepted || (uncertain && stored > accepted)) return undefined
      return `${accepted} events were accepted, ${stored} are stored`
    }
  }

  const report = (one: FuzzCase, problem: string) => {
    if (counts.findings.some((finding) => finding.case.number === one.number)) return
    const finding = { case: one, problem }
    counts.findings.push(finding)
    options.onFinding?.(finding)
  }

  /** Sends each case of a round once more, alone, to learn which it was. */
  const isolate = async (cases: FuzzCase[], together: string): Promise<void> => {
    let found = false
    for (const { number } of cases) {
      const again = makeCase(senders, options.seed, number)
      const alone = await send([again])
      const problem = alone.together ?? alone.problems.get(again)
      if (problem === undefined) continue
      report(again, problem)
      found = true
    }
    const [first] = cases
    if (!found && first !== undefined && !/blocked/.test(together)) {
      report(
        first,
        `${together} (caused by cases ${first.number} to ${cases.at(-1)?.number} together, by no single one)`,
      )
    }
  }

  const round = async (numbers: number[]): Promise<void> => {
    const cases = numbers.map((number) => makeCase(senders, options.seed, number))
    for (const { kind } of cases) counts.byKind[kind]++
    // For odd requests the answer does not always say how many events were stored.
    const [odd = [], others = []] = [true, false].map((is) =>
      cases.filter(({ kind }) => (kind === 'odd') === is),
    )
    await sendRound(others)
    await sendRound(odd)
    counts.cases += cases.length
    options.onProgress?.(counts)
  }

  const sendRound = async (cases: FuzzCase[]): Promise<void> => {
    if (cases.length === 0) return
    const { problems, together } = await send(cases)
    if (together !== undefined) await isolate(cases, together)
    for (const [one, problem] of problems) {
      // A machine that is busy may be late once; what is accepted cannot be taken back.
      if (!/accepted/.test(problem)) {
        if (together !== undefined) continue // each was sent alone already
        const again = makeCase(senders, options.seed, one.number)
        const alone = await send([again])
        if (alone.problems.size === 0 && alone.together === undefined) continue
      }
      report(one, problem)
    }
  }

  try {
    await start()
    let numbers: number[] = []
    for (const number of options.numbers) {
      numbers.push(number)
      if (numbers.length < ROUND) continue
      await round(numbers)
      numbers = []
      if (counts.findings.length >= MAX_FINDINGS) break
    }
    if (numbers.length > 0) await round(numbers)
    const memory = await service.memory()
    return { ...counts, memory }
  } finally {
    await service.end('SIGKILL')
    await db.end()
  }
}

/** Rows above an id: how many, how many nobody has tried yet, an error, and the highest id. */
const LOOK = `
select count(*)::int as stored,
       (count(*) filter (where status = 'pending' and attempts = 0 and waiting_since is null and last_error is null))::int
         + (select count(*) from webhook_queue)::int as untouched,
       max(provider || ' ' || event_type || ' ' || left(last_error, 300)) filter (where status in ('pending', 'dead')) as error,
       coalesce(max(id), $1::bigint)::text as last
from webhook_events where id > $1`

const acceptedBy = ({ status, body }: Answer): number => {
  if (status !== 200) return 0
  try {
    return Number(JSON.parse(body).accepted ?? 0)
  } catch {
    return 0
  }
}
