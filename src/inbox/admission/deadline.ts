/** Milliseconds from the last byte of a delivery to its answer: below the 5 s of the contract. */
export const DECIDED_WITHIN = 4_000
