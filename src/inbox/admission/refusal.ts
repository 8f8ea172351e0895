/** Why a delivery was refused: the tag of the metric `rejected`, and with it the status and code of the answer. */
export const REFUSALS = {
  signature_missing: { statusCode: 401, code: 'WEBHOOK_SIGNATURE_MISSING' },
  signature_invalid: { statusCode: 401, code: 'WEBHOOK_SIGNATURE_INVALID' },
  stale: { statusCode: 401, code: 'WEBHOOK_STALE' },
  replayed: { statusCode: 401, code: 'WEBHOOK_REPLAYED' },
  malformed: { statusCode: 400, code: 'WEBHOOK_MALFORMED' },
  too_large: { statusCode: 413, code: 'WEBHOOK_TOO_LARGE' },
  media_type: { statusCode: 415, code: 'WEBHOOK_MEDIA_TYPE' },
  overloaded: { statusCode: 503, code: 'WEBHOOK_OVERLOADED' },
  unavailable: { statusCode: 503, code: 'WEBHOOK_UNAVAILABLE' },
  not_configured: { statusCode: 503, code: 'WEBHOOK_NOT_CONFIGURED' },
} as const

export type RefusalReason = keyof typeof REFUSALS

/** A delivery that is not accepted. The message is the sender's to read: no internals, no echo of the body. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly reason: RefusalReason
  readonly statusCode: number
  readonly code: string
  /** Seconds after which the sender should try again; set on every 503. */
  readonly retryAfter: number | undefined
  /** Whether the connection ends with the answer, as after every 4xx. */
  readonly closes: boolean

  /** @param options.statusCode where the contract departs from the usual one (Stripe's 400 for a bad signature). */
  constructor(
    reason: RefusalReason,
    message: string,
    options: { statusCode?: number; retryAfter?: number; closes?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.reason = reason
    this.statusCode = options.statusCode ?? REFUSALS[reason].statusCode
    this.code = REFUSALS[reason].code
    this.closes = options.closes ?? this.statusCode < 500
    this.retryAfter = this.statusCode === 503 ? (options.retryAfter ?? 5) : undefined
  }
}

/** The refusal of what is too much for the service at the moment. @param options.closes as in {@link Refusal} */
export const overloaded = (options: { closes?: boolean } = {}): Refusal =>
  new Refusal('overloaded', 'Too many deliveries at once; try again later', options)
