import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Account, Row } from '../../src/billing/account.ts'
import { applyFact } from '../../src/billing/apply.ts'
import { openAccount } from '../../src/billing/before.ts'
import { derive } from '../../src/billing/derive.ts'
import { type Fact, LISTED } from '../../src/billing/facts.ts'
import { ledgerOf } from '../../src/billing/ledger.ts'
import type { Notice } from '../../src/billing/notices.ts'
import { propertyRuns } from '../property-runs.ts'
import * as model from './credits-model.mjs'
import { factOf, fetchedFact } from './facts.ts'
import { type Happening, history, PRICES } from './histories.ts'

/** A user as the rules see it: the account is opened by the first fact. */
interface User {
  row: Row
  account: Account | undefined
  ledger: Map<string, number>
  sent: Set<string>
}

const keyOf = (notice: Notice): string =>
  notice.kind === 'payment-failed'
    ? `failed:${notice.invoiceId}:${notice.attempts}:${notice.nextAttempt ?? 'final'}`
    : notice.kind === 'welcome'
      ? `welcome:${notice.subscriptionId}:${notice.tier}`
      : `ended:${notice.subscriptionId}`

const happen = (user: User, happening: Happening): User => {
  if (happening.kind === 'change') {
    const row = { ...user.row, credits: Math.max(0, user.row.credits + happening.amount) }
    return { ...user, row, account: user.account && { ...user.account, row } }
  }
  const fact = readFact(happening)
  if (fact === undefined) return user
  const { account, notices } = applyFact(user.account ?? openAccount(user.row), fact)
  const ledger = new Map(user.ledger)
  for (const { key, at } of ledgerOf(derive(account))) ledger.set(key, at)
  return { row: account.row, account, ledger, sent: user.sent.union(new Set(notices.map(keyOf))) }
}

const readFact = (happening: Exclude<Happening, { kind: 'change' }>): Fact | undefined => {
  if (happening.kind === 'listed') return LISTED
  return happening.kind === 'event' ? factOf(happening.event) : fetchedFact(happening.object, happening.at)
}

const modelHappens = (user: model.ModelUser, happening: Happening): model.ModelUser => {
  if (happening.kind === 'change') return model.change(user, happening.amount)
  if (happening.kind === 'listed') return model.apply(user, model.LISTED)
  // The model does not know invoices that are closed.
  return model.apply(
    user,
    happening.kind === 'event'
      ? model.readEvent(happening.event, PRICES)
      : 'status' in happening.object && happening.object.status === 'open'
        ? undefined
        : model.fetched(happening.object, happening.at, PRICES),
  )
}

const sorted = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

test('the rules come to what the reference model comes to, after every step of random histories', () => {
  const isClosing = (happening: Happening) =>
    happening.kind === 'event' && happening.event.type === 'invoice.voided'
  fc.assert(
    fc.property(history, ({ row, happenings }) => {
      let ours: User = { row, account: undefined, ledger: new Map(), sent: new Set() }
      let theirs = model.newUser(row)
      for (const happening of happenings) {
        if (isClosing(happening)) continue
        ours = happen(ours, happening)
        theirs = modelHappens(theirs, happening)
        if (!isDeepStrictEqual(ours.row, theirs.row)) expect(ours.row).toEqual(theirs.row)
      }
      expect(sorted(ours.ledger)).toEqual(sorted(theirs.ledger))
      expect([...ours.sent].sort()).toEqual([...theirs.sent.keys()].sort())
    }),
    { numRuns: propertyRuns(1_000) },
  )
}, 600_000)
