// Stripe's rules of section 7 as pure functions: facts in, rows out. No database, no clock. Node 22 or later.
//
//   let user = newUser(row)                       what the user's row says before the first event
//   user = apply(user, fact)                      fact = readEvent(payload, prices), fetched(object, at, prices), or
//                                                 LISTED: the reconciliation has merged all that the customer has
//   user = change(user, -30)                      another service spends (or adds) credits
//   user.row, user.ledger, user.sent              what is written and requested
//
// Facts are only ever added. Row and ledger are derived from all facts each time; the one thing that is not a fact of
// Stripe's is how much was spent of which lot.

export const CREDITS = { pro: 500, teams: 2000 }
const STAGES = [
  'incomplete',
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'paused',
  'incomplete_expired',
  'canceled',
]
const ENDS = new Set(['incomplete_expired', 'canceled'])
const ACCESS = new Set(['active', 'trialing', 'past_due'])
const worthOf = (tier) => CREDITS[tier] ?? 0
const better = (a, b) => (worthOf(b) > worthOf(a) ? b : a)
const by =
  (...keys) =>
  (a, b) =>
    keys.reduce((found, key) => found || compare(key(a), key(b)), 0)
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

// ---------------------------------------------------------------- reading payloads (both generations)

const idOf = (reference) => (typeof reference === 'object' ? reference?.id : reference) ?? undefined

/** A subscription or invoice event; undefined for other types. `prices`: Map of price id to tier. */
export const readEvent = (event, prices) => {
  const { id, type, created, data } = event
  const [, kind] = /^(customer\.subscription|invoice)\./.exec(type) ?? []
  if (kind === 'customer.subscription' && /\.(created|updated|deleted)$/.test(type))
    return readSubscription(data.object, { id, type, at: created, before: data.previous_attributes }, prices)
  if (kind === 'invoice' && /\.(paid|payment_succeeded|payment_failed)$/.test(type))
    return readInvoice(data.object, { at: created, seen: created, paid: !type.endsWith('failed') }, prices)
  return undefined
}

/** An object that the reconciliation fetched. `at`: the response's `Date`. It sorts before events of that second. */
export const fetched = (object, at, prices) =>
  object.object === 'subscription'
    ? readSubscription(object, { id: '', type: 'fetched', at }, prices)
    : readInvoice(
        object,
        { at: object.status_transitions?.paid_at ?? at, paid: object.status === 'paid' },
        prices,
      )

export const LISTED = { kind: 'listed' }

const itemsOf = (object, prices) =>
  (object.items?.data ?? []).map((item) => {
    const priceId = idOf(item.price ?? item.plan)
    const { current_period_start: start, current_period_end: end } = item.current_period_start ? item : object
    return { priceId, tier: prices.get(priceId) ?? null, start, end }
  })

const readSubscription = (object, { id, type, at, before }, prices) => {
  const ending = type.endsWith('.deleted')
  const status = ending && !ENDS.has(object.status) ? 'canceled' : (object.status ?? 'active')
  if (!STAGES.includes(status)) return undefined
  const plan = itemsOf(object, prices)
    .filter(({ tier }) => tier !== null)
    .sort(
      by(
        (item) => -worthOf(item.tier),
        (item) => -(item.start ?? 0),
      ),
    )[0]
  const state = {
    status,
    flag: object.cancel_at_period_end ?? false,
    cancelAt: object.cancel_at ?? null,
    prices: itemsOf(object, prices)
      .map(({ priceId }) => priceId)
      .sort()
      .join(),
  }
  const previous = before && {
    ...('status' in before && { status: before.status }),
    ...('cancel_at_period_end' in before && { flag: before.cancel_at_period_end }),
    ...('cancel_at' in before && { cancelAt: before.cancel_at }),
    ...('items' in before && {
      prices: itemsOf(before, prices)
        .map(({ priceId }) => priceId)
        .sort()
        .join(),
    }),
  }
  return {
    kind: 'snapshot',
    subscriptionId: object.id,
    id,
    at,
    isCreated: type.endsWith('.created'),
    status,
    cancels: state.flag || state.cancelAt !== null,
    charged: object.collection_method !== 'send_invoice',
    tier: plan?.tier ?? null,
    start: plan?.start ?? object.start_date ?? at,
    end: plan?.end ?? null,
    state,
    /** Of these fields those that the event changed, as they were. */
    previous: previous ?? null,
  }
}

const readInvoice = (object, { at, paid, seen = null }, prices) => ({
  kind: 'invoice',
  paid,
  /** `created` of the event; null when it was fetched. */
  seen,
  subscriptionId: idOf(object.parent?.subscription_details?.subscription ?? object.subscription),
  invoiceId: object.id,
  at,
  reason: object.billing_reason,
  startsAt: object.period_end,
  attempts: object.attempt_count ?? 0,
  nextAttempt: object.next_payment_attempt ?? null,
  isCut: object.lines?.has_more ?? false,
  lines: (object.lines?.data ?? []).map((line) => ({
    tier: prices.get(idOf(line.pricing?.price_details?.price ?? line.price ?? line.plan)) ?? null,
    start: line.period?.start,
    end: line.period?.end,
    amount: line.amount ?? 0,
    proration:
      line.proration === true ||
      line.parent?.subscription_item_details?.proration === true ||
      line.parent?.invoice_item_details?.proration === true,
  })),
})

// ---------------------------------------------------------------- one subscription

const PERIOD_REASONS = new Set(['subscription_create', 'subscription_cycle'])

/** All snapshots, oldest first; ends last. */
const inOrder = (snapshots) => {
  const ordered = []
  // Stripe may make two events of one change.
  const distinct = [
    ...Map.groupBy(snapshots, (one) => JSON.stringify([one.at, one.state, one.previous, one.start])).values(),
  ].map((same) => same.sort(bySeniority).at(-1))
  for (const [, second] of Map.groupBy(
    distinct.filter((one) => !ENDS.has(one.status)).sort(by((one) => one.at)),
    (one) => one.at,
  ))
    ordered.push(...withinSecond(second, ordered.at(-1)))
  return [...ordered, ...distinct.filter((one) => ENDS.has(one.status)).sort(bySeniority)]
}
const bySeniority = by(
  (one) => one.at,
  (one) => STAGES.indexOf(one.status),
  (one) => one.id,
  (one) => JSON.stringify(one.state),
  (one) => one.start,
)

/** The chain that their `previous_attributes` make, from the newest snapshot of before; else the later stage, then the id. */
const withinSecond = (second, before) => {
  const sorted = second.toSorted(bySeniority)
  if (sorted.length === 1 || sorted.length > 6) return sorted
  // All that is known of the state before fits; or, where an event between was lost, at least what was changed.
  for (const fits of [isJustAfter, isAfter]) {
    const starts = sorted.filter((one) => !sorted.some((other) => other !== one && fits(one, other)))
    for (const start of [before, ...starts]) {
      const chain =
        start &&
        (start === before
          ? chainOf(fits, before, sorted)
          : chainOf(fits, start, without(sorted, start), [start]))
      if (chain) return chain
    }
  }
  return sorted
}
const chainOf = (fits, last, rest, chain = []) => {
  if (rest.length === 0) return chain
  for (const one of rest.filter((other) => fits(other, last)).sort(by(isChange))) {
    const found = chainOf(fits, one, without(rest, one), [...chain, one])
    if (found) return found
  }
  return undefined
}
const without = (list, one) => list.filter((other) => other !== one)
const agrees = (fields, state) => Object.entries(fields).every(([key, value]) => state[key] === value)
const isAfter = ({ previous }, { state }) => previous !== null && agrees(previous, state)
const isJustAfter = ({ state, previous }, other) =>
  previous !== null && agrees({ ...state, ...previous }, other.state)
const isChange = ({ state, previous }) => !agrees(previous, state)

/** What the facts about one subscription say. Periods paid for or begun before `since` are in the row's credits. */
const look = ({ id, snapshots, invoices, since }) => {
  const ordered = inOrder([...snapshots.values()])
  const newest = ordered.at(-1)
  const priced = ordered.filter(({ tier }) => tier !== null)
  const all = [...invoices.values()]
  const paid = all.filter(({ paidAt, reason }) => paidAt !== null && reason !== 'manual')
  const ended = newest !== undefined && ENDS.has(newest.status)
  const activated = paid.some(({ reason }) => PERIOD_REASONS.has(reason))
  const failing = all.some(
    ({ reason, paidAt, failedAt }) =>
      PERIOD_REASONS.has(reason) && paidAt === null && failedAt !== null && failedAt > (newest?.at ?? -1),
  )
  let status = newest?.status ?? null
  if (activated && (status === null || status === 'incomplete')) status = 'active'
  if (failing && (status === 'active' || status === 'trialing')) status = 'past_due'

  const { periods, raises } = periodsOf(priced, paid, since)
  const line = paid.map(planLine).filter(Boolean).sort(byPeriod).at(-1)
  const shot = priced.at(-1)
  const pricing = line && (!shot || line.start > shot.start) ? line : (shot ?? null)
  return {
    id,
    ordered,
    priced,
    periods,
    latest: [...periods.values()].sort(by((one) => one.start)).at(-1),
    raises,
    status,
    ended,
    tier: pricing?.tier ?? null,
    periodEnd: pricing?.end ?? null,
    cancels: newest?.cancels ?? false,
    access: ACCESS.has(status) && pricing !== null,
    /** It gave access at a known price, or was renewed. */
    begun:
      (pricing !== null && (activated || ordered.some((one) => ACCESS.has(one.status)))) ||
      all.some(({ reason }) => reason === 'subscription_cycle'),
  }
}

const hasBeginning = ({ snapshots }) => snapshots.values().some(({ isCreated }) => isCreated)

const byPeriod = by(
  (one) => one.start,
  (one) => one.end ?? 0,
  (one) => worthOf(one.tier),
)
/** The line of a known price that is no proration: of several the latest end, then the higher tier. */
const planLine = ({ lines }) =>
  lines
    .filter(({ proration, tier, start }) => !proration && tier !== null && start !== undefined)
    .sort(
      by(
        (one) => one.end ?? 0,
        (one) => worthOf(one.tier),
      ),
    )
    .at(-1)
const isFull = (snapshot) => snapshot.status === 'active' || snapshot.status === 'trialing'

/** The periods that are opened, by their start; and the upgrades that were paid for within a period. */
const periodsOf = (priced, paid, since) => {
  const periods = new Map()
  const raises = []
  const open = (start, end, at, tier, isTrial = false) => {
    const shots = priced.filter((one) => one.start === start)
    const period = periods.get(start) ?? {
      start,
      ends: new Set(shots.map((one) => one.end)),
      shots,
      paid: null,
      isTrial: false,
      rows: new Map(),
    }
    periods.set(start, period)
    period.ends.add(end)
    if (isTrial) period.isTrial = true
    else period.paid = better(period.paid, tier)
    row(period, tier, at)
  }
  const row = (period, tier, at) =>
    tier && period.rows.set(tier, Math.min(period.rows.get(tier) ?? Infinity, at))

  for (const one of priced) {
    if (one.status === 'trialing' && one.start > since) open(one.start, one.end, one.at, one.tier, true)
    if (one.status === 'active' && one.isCreated && one.charged) open(one.start, one.end, one.at, one.tier)
  }
  for (const invoice of paid.filter(({ paidAt, seen }) => seen !== null || paidAt > since)) {
    const line = planLine(invoice)
    if (line) {
      open(line.start, line.end ?? null, invoice.paidAt, line.tier)
      continue
    }
    const billed = invoice.lines.filter(({ tier, amount }) => tier !== null && amount > 0)
    const tier = billed.reduce((best, one) => better(best, one.tier), null)
    if (invoice.isCut || PERIOD_REASONS.has(invoice.reason)) {
      const shots = priced.filter((one) => one.start === invoice.startsAt)
      if (shots.length > 0)
        open(
          invoice.startsAt,
          shots.at(-1).end,
          invoice.paidAt,
          invoice.isCut ? (shots.find(isFull)?.tier ?? null) : tier,
        )
    } else if (tier !== null)
      raises.push({ tier, ends: new Set(billed.map(({ end }) => end)), at: invoice.paidAt })
  }
  for (const period of periods.values()) {
    for (const raise of raises)
      if (!period.ends.isDisjointFrom(raise.ends)) {
        period.paid = better(period.paid, raise.tier)
        row(period, raise.tier, raise.at)
      }
    for (const shot of period.shots) if (isFull(shot)) row(period, shot.tier, shot.at)
  }
  return { periods, raises }
}

/** The tier the newest of these snapshots shows, if it is active or trialing, while the subscription is. */
const shownTier = (shots, status) => {
  const newest = shots.at(-1)
  return newest && isFull(newest) && (status === 'active' || status === 'trialing') ? newest.tier : null
}

// ---------------------------------------------------------------- one user

/** @param row what another service wrote: tier, credits, subscriptionId, status, periodEnd, cancels. */
export const newUser = (row = {}, { oneTrial = true } = {}) => ({
  /** One trial: of the subscriptions that start with a trial only the user's first gets a lot for it. */
  oneTrial,
  listed: false,
  first: {
    tier: 'free',
    credits: 0,
    subscriptionId: null,
    status: null,
    periodEnd: null,
    cancels: false,
    ...row,
  },
  row: {
    tier: 'free',
    credits: 0,
    subscriptionId: null,
    status: null,
    periodEnd: null,
    cancels: false,
    ...row,
  },
  subscriptions: new Map(),
  /** What other services added; null until the first event, and what the row said then. */
  extra: null,
  written: null,
  spent: new Map(),
  ledger: new Map(),
  sent: new Map(),
  skipped: 0,
})

/** Another service changes `credits_remaining`. */
export const change = (user, amount) => ({
  ...user,
  row: { ...user.row, credits: Math.max(0, user.row.credits + amount) },
})

/** The subscription from before the service was there: its tier, period end and credits are the row's. */
const beforeOf = ({ first }) =>
  CREDITS[first.tier] && !(first.status && !ACCESS.has(first.status)) ? first : null

/** Everything that follows from the facts. */
export const derive = (user) => {
  const before = beforeOf(user)
  const firstEvent = Math.min(
    ...user.subscriptions
      .values()
      .flatMap(({ snapshots, invoices }) => [
        ...snapshots.values().map(({ at }) => at),
        ...invoices.values().map(({ seen }) => seen ?? Infinity),
      ]),
  )
  const subscriptions = [...user.subscriptions.values()]
    .map((one) => {
      const old = before !== null && (one.id === before.subscriptionId || !hasBeginning(one))
      const named = old && one.id === before.subscriptionId
      const is = look({
        ...one,
        snapshots: named ? new Map([['before', snapshotOf(before)], ...one.snapshots]) : one.snapshots,
        since: old ? firstEvent : 0,
      })
      return { ...is, old, begun: is.begun || named || (old && is.status !== null && !NEVER.has(is.status)) }
    })
    .sort(by((one) => one.id))
  if (user.oneTrial) withOneTrial(subscriptions)
  const heir =
    before &&
    (before.subscriptionId
      ? subscriptions.find(({ id }) => id === before.subscriptionId)
      : heirOf(subscriptions, before))

  const lots = subscriptions.flatMap((one) => lotOf(one) ?? [])
  const isReplaced = subscriptions.some(
    (one) => one.old && one.latest && (one === heir || !before.subscriptionId),
  )
  const isGone = user.listed && !heir
  if (before && !isReplaced && !isGone)
    lots.push({
      key: 'before',
      worth: worthBefore(heir, before),
      end: before.periodEnd,
      live: heir ? heir.access : true,
      subscriptionId: heir?.id ?? '',
    })

  const standing = subscriptions.filter(({ status, tier }) => status !== null && tier !== null)
  if (before && !heir && !isGone)
    standing.push({ ...before, id: before.subscriptionId, access: true, begun: true, unnamed: true })
  const shown = standing
    .sort(
      by(
        (one) => one.access,
        (one) => one.begun,
        (one) => (one.access ? worthOf(one.tier) : 0),
        (one) => one.periodEnd ?? 0,
        (one) => one.id ?? '',
      ),
    )
    .at(-1)
  return {
    before,
    subscriptions: new Map(subscriptions.map((one) => [one.id, one])),
    heir,
    lots,
    shown,
    isGone,
  }
}

const withOneTrial = (subscriptions) => {
  const firstOf = ({ periods }) => [...periods.values()].sort(by((one) => one.start))[0]
  const [, ...later] = subscriptions
    .filter((one) => firstOf(one)?.isTrial)
    .sort(
      by(
        (one) => firstOf(one).start,
        (one) => one.id,
      ),
    )
  for (const one of later) if (one.latest === firstOf(one)) one.latest = undefined
}
const NEVER = new Set(['incomplete', 'incomplete_expired'])

/** The row of before is the oldest snapshot of the subscription it names. */
const snapshotOf = ({ tier, status, periodEnd, cancels }) => ({
  id: '',
  at: -1,
  status: status ?? 'active',
  tier,
  start: -1,
  end: periodEnd,
  cancels,
  charged: true,
  state: {},
  previous: null,
})

/** Whose the row was when it names none: one that shows itself with access, or at the row's tier without, and whose beginning is not known. */
const heirOf = (subscriptions, before) =>
  subscriptions
    .filter(({ old, tier, status }) => old && tier !== null && status !== null && !NEVER.has(status))
    .filter((one) => one.access || one.tier === before.tier)
    .sort(
      by(
        (one) => one.access,
        (one) => one.tier === before.tier,
        (one) => one.id,
      ),
    )
    .at(-1)

/** The row's tier, or a higher one that was paid for since. */
const worthBefore = (heir, before) =>
  worthOf((heir?.raises ?? []).reduce((best, { tier }) => better(best, tier), before.tier))

const lotOf = ({ id, latest, status, access }) => {
  if (latest === undefined) return undefined
  const end = Math.max(...latest.ends.values().map((end) => end ?? -1))
  return {
    key: `${id}:${latest.start}`,
    worth: worthOf(better(latest.paid, shownTier(latest.shots, status))),
    end: end < 0 ? null : end,
    live: access,
    subscriptionId: id,
  }
}

const leftOf = (user, { key, worth }) => Math.max(0, worth - (user.spent.get(key) ?? 0))

// ---------------------------------------------------------------- what an event does

export const apply = (user, fact) => {
  if (fact === undefined) return user
  if (fact.kind === 'invoice' && fact.subscriptionId === undefined)
    return PERIOD_REASONS.has(fact.reason) ? { ...user, skipped: user.skipped + 1 } : user
  const was = derive(user)
  user = settle(user, was)
  user = fact === LISTED ? { ...user, listed: true } : merge(user, fact)
  const is = derive(user)
  const about = fact.subscriptionId
  const [old, now] = [was.subscriptions.get(about), is.subscriptions.get(about)]

  // A later period of a subscription ends what other services had added, also when the subscription has ended.
  const startOf = (subscriptions, id) => subscriptions.get(id)?.latest?.start ?? -1
  if (is.subscriptions.keys().some((id) => startOf(is.subscriptions, id) > startOf(was.subscriptions, id)))
    user = { ...user, extra: 0 }

  const credits = is.lots.filter(({ live }) => live).reduce((sum, lot) => sum + leftOf(user, lot), user.extra)
  const { shown } = is
  const row = shown
    ? {
        tier: shown.access ? shown.tier : 'free',
        status: shown.status,
        subscriptionId: shown.id,
        periodEnd: shown.periodEnd,
        cancels: shown.cancels,
        credits,
      }
    : { ...user.first, tier: is.before && !is.isGone ? user.first.tier : 'free', credits }

  const sent = new Map(user.sent)
  const tell = (key) => sent.set(key, (sent.get(key) ?? 0) + (sent.has(key) ? 0 : 1))
  const isNew = (one) => one?.begun && !one.old
  if (!isNew(old) && isNew(now) && now.access) tell(`welcome:${about}:${now.tier}`)
  const wasShown = was.shown?.id === about || (was.shown?.unnamed && now === is.heir)
  if (!old?.ended && now?.ended && now.begun && wasShown) tell(`ended:${about}`)
  if (
    fact.kind === 'invoice' &&
    !fact.paid &&
    now.begun &&
    !now.ended &&
    user.subscriptions.get(about).invoices.get(fact.invoiceId).paidAt === null
  )
    tell(`failed:${fact.invoiceId}:${fact.attempts}:${fact.nextAttempt ?? 'final'}`)

  const ledger = new Map(user.ledger)
  for (const one of is.subscriptions.values())
    for (const period of one.periods.values())
      for (const [tier, at] of period.rows) ledger.set(`${one.id}:${period.start}:${tier}`, at)
  return { ...user, row, written: credits, ledger, sent }
}

/** What was spent since is taken from the lots, the one whose period ends first before (no end: last), then from the rest. */
const settle = (user, { lots, before }) => {
  if (user.written === null) {
    if (!before) return { ...user, extra: user.row.credits, written: user.row.credits }
    const spent = Math.max(0, worthOf(before.tier) - user.row.credits)
    return {
      ...user,
      spent: new Map([['before', spent]]),
      extra: Math.max(0, user.row.credits - worthOf(before.tier)),
      written: user.row.credits,
    }
  }
  let missing = user.written - user.row.credits
  if (missing <= 0) return { ...user, extra: user.extra - missing }
  const spent = new Map(user.spent)
  for (const lot of lots
    .filter(({ live }) => live)
    .sort(
      by(
        (one) => one.end ?? Infinity,
        (one) => one.subscriptionId,
      ),
    )) {
    const taken = Math.min(missing, leftOf(user, lot))
    spent.set(lot.key, (spent.get(lot.key) ?? 0) + taken)
    missing -= taken
  }
  return { ...user, spent, extra: Math.max(0, user.extra - missing) }
}

const byFullness = by(
  (lines) => lines.length,
  (lines) => lines.filter(({ tier }) => tier !== null).length,
)

const merge = (user, fact) => {
  const known = user.subscriptions.get(fact.subscriptionId) ?? {
    id: fact.subscriptionId,
    snapshots: new Map(),
    invoices: new Map(),
  }
  const subscription = { ...known, snapshots: new Map(known.snapshots), invoices: new Map(known.invoices) }
  if (fact.kind === 'snapshot')
    subscription.snapshots.set(
      fact.id || `fetched ${fact.at} ${JSON.stringify(fact.state)} ${fact.start}`,
      fact,
    )
  else {
    const { invoiceId: id, at, reason, startsAt } = fact
    const {
      paidAt = null,
      failedAt = null,
      lines = [],
      seen = null,
      isCut = true,
    } = subscription.invoices.get(id) ?? {}
    subscription.invoices.set(id, {
      id,
      reason,
      startsAt,
      seen: fact.seen === null ? seen : Math.min(seen ?? Infinity, fact.seen),
      // The fullest list known: a fetched invoice has all its lines, a replayed one may know more prices.
      lines: byFullness(lines, fact.lines) < 0 ? fact.lines : lines,
      isCut: isCut && fact.isCut,
      paidAt: fact.paid ? Math.min(paidAt ?? at, at) : paidAt,
      failedAt: fact.paid ? failedAt : Math.max(failedAt ?? at, at),
    })
  }
  return { ...user, subscriptions: new Map(user.subscriptions).set(fact.subscriptionId, subscription) }
}
