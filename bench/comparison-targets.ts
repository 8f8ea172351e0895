import type { Contestant, Results, Workload } from './comparison-names.ts'
import type { Measured } from './measure.ts'
import { median } from './median.ts'
import type { Target } from './targets.ts'

/** The targets for the rounds. */
export const targetsOf = (rounds: Results[]): Target[] => {
  /** The median of the rounds' ratios, since both sides of one were measured within seconds. */
  const ratio = (
    workload: Workload,
    against: Contestant,
    figure: (measured: Measured) => number | undefined,
    of: Contestant = 'service',
  ) =>
    median(
      rounds.map((round) => {
        const [ours, theirs] = [round[workload]?.[of], round[workload]?.[against]]
        return ((ours && figure(ours)) ?? Number.NaN) / ((theirs && figure(theirs)) ?? Number.NaN)
      }),
    )
  /** Of what the service alone used. */
  const ofService = (figure: (measured: Measured) => number | undefined) =>
    median(rounds.map(({ fifty }) => (fifty?.service && figure(fifty.service)) ?? Number.NaN))
  const endToEnd = ({ endToEnd }: Measured) => endToEnd
  const accepted = ({ accepted }: Measured) => accepted
  const ackP99 = ({ ack }: Measured) => ack?.p99
  return [
    {
      says: 'end to end at 50 per delivery, against (a)',
      value: ratio('fifty', 'bullmq', endToEnd),
      goal: 12,
      floor: 8.5,
    },
    {
      says: 'end to end at 50 per delivery, against (b)',
      value: ratio('fifty', 'plain', endToEnd),
      goal: 24,
      floor: 17,
    },
    {
      says: 'end to end at 50 per delivery, against (e)',
      value: ratio('fifty', 'effects', endToEnd),
      goal: 0.75,
      floor: 0.6,
    },
    {
      says: 'accepted at 1 per delivery, against (c)',
      value: ratio('one', 'verify', accepted),
      goal: 0.7,
      floor: 0.5,
    },
    {
      says: 'accepted at 50 per delivery, against (c)',
      value: ratio('fifty', 'verify', accepted),
      goal: 0.5,
      floor: 0.3,
    },
    {
      says: 'ack p99 at half rate, 50 per delivery, against (c)',
      value: ratio('halfFifty', 'verify', ackP99),
      goal: 5,
      floor: 15,
      less: true,
    },
    {
      says: 'ack p99 at half rate, 1 per delivery, against (c)',
      value: ratio('halfOne', 'verify', ackP99),
      goal: 5,
      floor: 8,
      less: true,
    },
    {
      says: 'CPU seconds of the service per million events, at 50 per delivery',
      value: ofService(({ cpu }) => cpu.service),
      goal: 35,
      floor: 50,
      less: true,
    },
    {
      says: 'CPU seconds of Postgres per million events, at 50 per delivery',
      value: ofService(({ cpu }) => cpu.postgres),
      goal: 60,
      floor: 80,
      less: true,
    },
    {
      says: 'write-ahead log per event at 50 per delivery, bytes',
      value: ofService(({ log }) => log),
      goal: 1_100,
      floor: 1_400,
      less: true,
    },
    {
      says: 'disk per processed event at 50 per delivery, payload included, bytes',
      value: ofService(({ disk }) => disk),
      goal: 600,
      floor: 750,
      less: true,
    },
    {
      says: 'load generator busy at most (the service)',
      value: Math.max(
        ...rounds.flatMap((round) => Object.values(round).map(({ service }) => service?.generatorBusy ?? 0)),
      ),
      goal: 0.5,
      floor: 0.8,
      less: true,
    },
  ]
}
