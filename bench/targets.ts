/** A figure with what it should be and what it must be. */
export interface Target {
  says: string
  value: number
  goal: number
  /** The command fails below it (or above, where less is better). */
  floor: number
  /** Less is better. */
  less?: boolean
}

export const isMet = ({ value, less = false }: Target, bound: number): boolean =>
  less ? value <= bound : value >= bound
