import { linkTo, type Page } from './pages.ts'

/** A state that somebody has to know about while it lasts. */
export interface Cause {
  /** Identifies it, as in `backlog:stripe`: while it lasts there is one alert. */
  cause: string
  kind: keyof typeof RUNBOOKS
  /** In a sentence without its full stop; it names the provider and holds no address of a person. */
  text: string
  /** How many events, deliveries or times. */
  count: number
  /** When the newest of them was. */
  lastAt: Date
}

/** An alert, as it is kept: a cause from its beginning to its end. */
export interface Alert extends Omit<Cause, 'lastAt' | 'text'> {
  key: string
  /** The message, with the runbook. */
  text: string
  channel: 'ops' | 'billing' | 'deliverability'
  /** What the rules of its kind find it by: a mailbox's id, or a misunderstood cause. */
  subject: string | null
  startedAt: Date
  lastAt: Date
  endedAt: Date | null
  /** Where Slack keeps its message; null before it is posted. */
  slackChannel: string | null
  slackTs: string | null
  /** The message as it was last posted. */
  told: string | null
  /** When it was last posted as a new message, because the first one could not be edited. */
  lineAt: Date | null
}

const RUNBOOKS = {
  backlog: 'backlogAge',
  dead: 'deadEvents',
  silent: 'silentProvider',
  refused: 'signatureRefusals',
  unavailable: 'databaseOutage',
  misunderstood: 'misunderstood',
  mailbox: 'mailboxGuard',
  paused: 'handlerBug',
} as const satisfies Record<string, Page>

/** The address of a kind's runbook. */
export const runbookOf = (kind: Cause['kind']): string => linkTo(RUNBOOKS[kind])

/** `10:05 UTC`, with the day unless it is that of `other`. */
const clockTime = (at: Date, other: Date): string => {
  const [day, time] = [at.toISOString().slice(0, 10), at.toISOString().slice(11, 16)]
  return day === other.toISOString().slice(0, 10) ? `${time} UTC` : `${day} ${time} UTC`
}

/** The message of an alert as it stands: its text, how often it came since, and whether it is over. */
export const messageOf = ({
  text,
  count,
  startedAt,
  lastAt,
  endedAt,
}: Pick<Alert, 'text' | 'count' | 'startedAt' | 'lastAt' | 'endedAt'>): string => {
  const end = endedAt === null ? '' : `✅ Over at ${clockTime(endedAt, startedAt)}. It was: `
  const since = `since ${clockTime(startedAt, startedAt)}, last at ${clockTime(lastAt, startedAt)}`
  return `${end}${text}${count > 1 ? ` (${count} times ${since})` : ''}`
}
