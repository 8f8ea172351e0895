/** What happened to a mailbox's mails within seven days. Blocked bounces count, too. */
export interface MailboxWeek {
  sent: number
  bounces: number
  spamReports: number
}

/** Bounces and spam reports per mail sent, from 0 to 1. */
export interface Rates {
  bounces: number
  spamReports: number
}

export const ratesOf = ({ sent, bounces, spamReports }: MailboxWeek): Rates => ({
  bounces: sent === 0 ? 0 : bounces / sent,
  spamReports: sent === 0 ? 0 : spamReports / sent,
})

/** When an operator resumed the mailbox, and its rates at that moment. */
export interface Resumed extends Rates {
  at: Date
}

/** `reason` is a text for people. It contains no address. */
export type Verdict = { verdict: 'pause' | 'warn'; reason: string } | { verdict: 'fine' }

const WEEK = 7 * 86_400_000

/** With fewer mails a single bounce would look like a trend. */
const MIN_SENT = 50
const WARN_BOUNCE_RATE = 0.03
const PAUSE_BOUNCE_RATE = 0.05
const PAUSE_SPAM_REPORTS = 3
const PAUSE_SPAM_RATE = 0.003
/** With fewer mails a single spam report would exceed the rate. */
const MIN_SENT_FOR_SPAM_RATE = 500
/** Within a week of being resumed a mailbox is paused again only if things got this much worse. */
const WORSE = 2

/**
 * Decides what to do about a mailbox that is not paused. The thresholds are RoleFerry's own. They are below those at
 * which mailbox providers punish a sender.
 */
export const judgeMailbox = (week: MailboxWeek, resumed: Resumed | undefined, now: Date): Verdict => {
  const { sent, bounces, spamReports } = week
  if (sent < MIN_SENT) return { verdict: 'fine' }
  const rates = ratesOf(week)
  const lately = resumed !== undefined && now.getTime() - resumed.at.getTime() < WEEK ? resumed : undefined
  const isWorse = (kind: keyof Rates) => lately === undefined || rates[kind] >= WORSE * lately[kind]

  if (rates.bounces >= PAUSE_BOUNCE_RATE && isWorse('bounces')) {
    return { verdict: 'pause', reason: inWords(bounces, 'bounced', week) }
  }
  const manyReports = sent >= MIN_SENT_FOR_SPAM_RATE && rates.spamReports >= PAUSE_SPAM_RATE
  if ((spamReports >= PAUSE_SPAM_REPORTS || manyReports) && isWorse('spamReports')) {
    return { verdict: 'pause', reason: inWords(spamReports, 'were reported as spam', week) }
  }
  if (spamReports > 0) return { verdict: 'warn', reason: inWords(spamReports, 'were reported as spam', week) }
  if (rates.bounces >= WARN_BOUNCE_RATE) {
    return { verdict: 'warn', reason: inWords(bounces, 'bounced', week) }
  }
  return { verdict: 'fine' }
}

const inWords = (count: number, what: string, { sent }: MailboxWeek): string =>
  `${count} of ${sent} mails of the last 7 days ${what} (${((100 * count) / sent).toFixed(1)} %)`
