import type { Measured } from './measure.ts'
import type { Target } from './targets.ts'

/** The result of a scenario: figures by workload and contestant, and the targets they are compared with. */
export interface Outcome {
  results: Record<string, Record<string, Measured>>
  targets: Target[]
}
