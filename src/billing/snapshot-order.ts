import { by } from './compare.ts'
import { isEnd, type Snapshot, type State, stageOf, stateKey } from './facts.ts'

/** If a second has more events than this, not all their orders are tried. */
const MAX_CHAIN = 6

/**
 * All snapshots of a subscription, oldest first. An end beats every other, whatever its time; else the later `created`
 * wins; within a second the chain of their `previous_attributes` decides.
 */
export const inOrder = (snapshots: Iterable<Snapshot>): Snapshot[] => {
  const distinct = withoutTwins([...snapshots])
  const ordered: Snapshot[] = []
  const goingOn = distinct.filter(({ state }) => !isEnd(state.status)).sort(by(({ at }) => at))
  for (const second of Map.groupBy(goingOn, ({ at }) => at).values()) {
    ordered.push(...withinSecond(second, ordered.at(-1)))
  }
  return [...ordered, ...distinct.filter(({ state }) => isEnd(state.status)).sort(bySeniority)]
}

/** Within a second: the later stage, then the greater event id. */
const bySeniority = by<Snapshot>(
  ({ at }) => at,
  ({ state }) => stageOf(state.status),
  ({ eventId }) => eventId,
  ({ state }) => stateKey(state),
  ({ start }) => start,
)

/** Stripe may make two events of one change. */
const withoutTwins = (snapshots: Snapshot[]): Snapshot[] => {
  const twins = Map.groupBy(snapshots, ({ at, state, previous, start }) =>
    JSON.stringify([at, stateKey(state), previous && stateKey(previous), start]),
  )
  return [...twins.values()].flatMap((same) => same.sort(bySeniority).at(-1) ?? [])
}

/**
 * The chain that their `previous_attributes` make from the newest snapshot of before. Setting a flag and taking it
 * back mirror each other, so only the state before shows which was last. Where they make no chain, by seniority.
 */
const withinSecond = (second: Snapshot[], before: Snapshot | undefined): Snapshot[] => {
  const sorted = second.toSorted(bySeniority)
  if (sorted.length === 1 || sorted.length > MAX_CHAIN) return sorted
  for (const follows of [followsAtOnce, followsLoosely]) {
    if (before !== undefined) {
      const chain = chainFrom(before, sorted, follows)
      if (chain !== undefined) return chain
    }
    const starts = sorted.filter((one) => !sorted.some((other) => other !== one && follows(one, other)))
    for (const start of starts) {
      const chain = chainFrom(start, without(sorted, start), follows)
      if (chain !== undefined) return [start, ...chain]
    }
  }
  return sorted
}

type Follows = (one: Snapshot, other: Snapshot) => boolean

/** The rest in an order in which each follows the one before; undefined when there is no such order. */
const chainFrom = (last: Snapshot, rest: Snapshot[], follows: Follows): Snapshot[] | undefined => {
  if (rest.length === 0) return []
  // A snapshot that changed nothing that is compared here comes right after one with the same state.
  for (const next of rest.filter((one) => follows(one, last)).sort(by(changesState))) {
    const chain = chainFrom(next, without(rest, next), follows)
    if (chain !== undefined) return [next, ...chain]
  }
  return undefined
}

const without = (list: Snapshot[], one: Snapshot) => list.filter((other) => other !== one)

const agrees = (fields: Partial<State>, { state, isRow }: Snapshot): boolean =>
  (Object.keys(fields) as (keyof State)[]).every((name) => !isRow && fields[name] === state[name])

/** All that is known of the state before it fits. */
const followsAtOnce: Follows = ({ state, previous }, other) =>
  previous !== null && agrees({ ...state, ...previous }, other)

/** At least what it changed fits: an event between the two may be lost. */
const followsLoosely: Follows = ({ previous }, other) => previous !== null && agrees(previous, other)

const changesState = (snapshot: Snapshot): boolean =>
  snapshot.previous !== null && !agrees(snapshot.previous, snapshot)
