import { styleText } from 'node:util'
import type pg from 'pg'
import type { MailServer } from '../harness/mail-server.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import type { BillingRow, BillingStep } from './stories/step.ts'

interface BillingOptions {
  db: pg.Pool
  mail: MailServer
  /** Delivers it. @returns the answer. */
  deliver: (request: SignedRequest) => Promise<string>
  /** Resolves when everything delivered is applied. */
  idle: () => Promise<void>
}

/** The columns of the table, with their widths. */
const COLUMNS: Record<keyof BillingRow, [heading: string, width: number]> = {
  deliveries: ['events', 9],
  tier: ['tier', 6],
  status: ['status', 9],
  credits: ['credits', 8],
  period: ['period', 14],
  mails: ['e-mail received', 0],
}
const TITLE_WIDTH = 40
const lineOf = (title: string, cells: Record<keyof BillingRow, string>): string =>
  [
    title.padEnd(TITLE_WIDTH),
    ...Object.entries(COLUMNS).map(([name, [, width]]) => cells[name as keyof BillingRow].padEnd(width)),
  ]
    .join(' ')
    .trimEnd()
const HEADINGS = Object.fromEntries(
  Object.entries(COLUMNS).map(([name, [heading]]) => [name, heading]),
) as Record<keyof BillingRow, string>

/** Plays the steps and shows after each what the customer has now, in a table. @returns how many steps were right. */
export const playBilling = async (steps: BillingStep[], options: BillingOptions): Promise<number> => {
  let right = 0
  console.log(styleText('dim', `  ${lineOf('', HEADINGS)}`))
  for (const { title, shows, ...step } of steps) {
    const found = await play(step, options)
    const same = lineOf('', found) === lineOf('', shows)
    if (same) right++
    console.log(
      `${same ? styleText('green', '✓') : styleText('red', '✗')} ${lineOf(title.slice(0, TITLE_WIDTH), found)}`,
    )
    if (!same) console.log(styleText('red', `  ${lineOf('expected', shows)}`))
  }
  console.log('')
  return right
}

const play = async (
  { customer, spent = 0, requests }: Omit<BillingStep, 'title' | 'shows'>,
  { db, mail, deliver, idle }: BillingOptions,
): Promise<BillingRow> => {
  const arrived = mail.received.length
  await db.query(
    'update users set credits_remaining = credits_remaining - $2 where stripe_customer_id = $1',
    [customer, spent],
  )
  const answers: string[] = []
  for (const request of requests) {
    answers.push(await deliver(request))
    await idle()
  }
  await allSent(db)
  const { rows } = await db.query('select * from users where stripe_customer_id = $1', [customer])
  const [user] = rows
  return {
    deliveries: toldOf(answers),
    tier: user.subscription_tier,
    status: user.subscription_status ?? '',
    credits: String(user.credits_remaining),
    period: user.current_period_end
      ? `${user.cancel_at_period_end ? 'ends' : 'renews'} ${dayOf(user.current_period_end)}`
      : '',
    mails: mail.received
      .slice(arrived)
      .map(({ subject, recipients }) =>
        recipients.join() === user.email ? subject : `${subject} (to ${recipients.join()})`,
      )
      .join(', '),
  }
}

/** `3 new`, or the other answers that the deliveries got. */
const toldOf = (answers: string[]): string => {
  const kinds = Map.groupBy(answers, (answer) => KINDS[answer] ?? answer)
  return [...kinds].map(([kind, all]) => `${all.length} ${kind}`).join(', ')
}
const KINDS: Record<string, string> = {
  '200 ok, 1 accepted, 0 duplicates': 'new',
  '200 duplicate': 'known',
}

const dayOf = (time: Date): string =>
  time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** Resolves when no e-mail waits to be sent. */
const allSent = async (db: pg.Pool): Promise<void> => {
  const until = Date.now() + 20_000
  while (Date.now() < until) {
    const { rows } = await db.query(
      `select from pgboss.job where name = 'notify-email' and state in ('created', 'active', 'retry') limit 1`,
    )
    if (rows.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
