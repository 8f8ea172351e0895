import type { Measured } from './measure.ts'
import type { Target } from './targets.ts'

/** What a scenario came to: figures by workload and contestant, and the targets they are held against. */
export interface Outcome {
  results: Record<string, Record<string, Measured>>
  targets: Target[]
}
