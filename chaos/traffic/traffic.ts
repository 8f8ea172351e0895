import type pg from 'pg'
import type { ProviderName } from '../../src/providers/index.ts'
import type { SignedRequest } from '../../src/simulators/signed-request.ts'
import type { Effects } from '../effects.ts'

/** One delivery: it is sent until it is acknowledged, each time with the same ids. */
export interface Parcel {
  provider: ProviderName
  path: string
  /** As the inbox stores them. */
  eventIds: string[]
  /** Signed for a sending at this moment, as the provider does it when it retries. */
  request: (at: Date) => SignedRequest
}

/** Rows that the load is about, and what it must have made of them. */
export interface Ledger {
  /** Puts what the events refer to into the database. */
  seed?: (db: pg.Pool) => Promise<void>
  /** What all deliveries made so far must have changed once they are applied. */
  expected: () => Effects
  found: (db: pg.Pool) => Promise<Effects>
}

/** One provider's part of the load, and what it alone must have changed. */
export interface Traffic extends Ledger {
  provider: ProviderName
  /** The service's settings for this provider. */
  env: Record<string, string>
  /** Its share of the deliveries, relative to the others. */
  weight: number
  /** Makes a new delivery. */
  next: () => Parcel
}
