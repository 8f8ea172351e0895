import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from './db/query-builder.ts'
import { webhookDeliveries, webhookEvents } from './db/schema.ts'
import { errorText } from './db/storable.ts'
import { causeOf } from './db/transaction.ts'

/** An attempt to process events, whatever came of it. */
interface TracedAttempt {
  provider: string
  events: { rowId: string; eventType: string; attempts: number; waitingSince?: Date | null }[]
  /** A time of `performance.now()`. */
  startedAt: number
  error?: unknown
}

export interface Traces {
  /** Makes a span of an attempt, once it has ended. Never throws. */
  processed: (attempt: TracedAttempt) => Promise<void>
}

/** The spans of more deliveries are not linked; collectors drop what is above 128. */
const MAX_LINKS = 100

/**
 * Spans of processing. A delivery that is processed alone, and for the first time, is the parent of its span. Otherwise the
 * span stands by itself with a link to each delivery: a batch has several, and a retry may come hours later.
 */
export const createTraces = (pool: pg.Pool): Traces => {
  const tracer = trace.getTracer('roleferry-webhooks')

  const deliveredIn = async (ids: string[]): Promise<Context[]> => {
    const rows = await queryBuilder(pool)
      .selectDistinct({ traceparent: sql<string | null>`${webhookDeliveries.headers} ->> 'traceparent'` })
      .from(webhookEvents)
      .innerJoin(
        webhookDeliveries,
        and(
          eq(webhookDeliveries.id, webhookEvents.deliveryId),
          eq(webhookDeliveries.receivedAt, webhookEvents.receivedAt),
        ),
      )
      .where(inArray(webhookEvents.id, ids.map(BigInt)))
      .limit(MAX_LINKS)
    return rows.flatMap(({ traceparent }) =>
      traceparent === null ? [] : [propagation.extract(ROOT_CONTEXT, { traceparent })],
    )
  }

  return {
    processed: async ({ provider, events, startedAt, error }) => {
      if (events.length === 0) return
      const endedAt = performance.now()
      const deliveries = await deliveredIn(events.map(({ rowId }) => rowId)).catch(() => [])
      const [only] = deliveries
      const isFirst = events.every(
        ({ attempts, waitingSince }) => attempts <= 1 && (waitingSince ?? null) === null,
      )
      const isChild = deliveries.length === 1 && isFirst && error === undefined
      const links = deliveries.flatMap((one) => {
        const delivery = trace.getSpanContext(one)
        return delivery === undefined || isChild ? [] : [{ context: delivery }]
      })
      const span = tracer.startSpan(
        `process ${provider}`,
        {
          kind: SpanKind.CONSUMER,
          startTime: startedAt,
          links,
          attributes: {
            'webhook.provider': provider,
            'webhook.events': events.length,
            'webhook.event_types': [...new Set(events.map(({ eventType }) => eventType))],
            'webhook.attempt': events.reduce((most, { attempts }) => Math.max(most, attempts), 1),
          },
        },
        isChild ? only : context.active(),
      )
      if (error !== undefined) recordError(span, error)
      span.end(endedAt)
    },
  }
}

/** With the text that the inbox keeps, which holds no values of rows. */
const recordError = (span: Span, error: unknown): void => {
  const message = errorText(error)
  span.recordException({ name: causeOf(error).name, message })
  span.setStatus({ code: SpanStatusCode.ERROR, message })
}
