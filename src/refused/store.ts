import { lt, sql } from 'drizzle-orm'
import type pg from 'pg'
import { queryBuilder } from '../db/query-builder.ts'
import { deferredDeliveries, refusedDeliveries } from '../db/schema.ts'
import { columns } from '../db/statement.ts'
import type { DeferredDelivery } from './deferred.ts'
import type { RefusedDelivery } from './kept.ts'
import { MAX_KEPT } from './refused.ts'

const DAY = 86_400_000
/** Days for which they are kept. */
const DAYS_KEPT = 7

/** Stores refused deliveries. */
export const storeRefused = async (pool: pg.Pool, deliveries: RefusedDelivery[]): Promise<void> => {
  const rows = deliveries.map(({ body, ...rest }) => ({ ...rest, body: body?.toString('base64') ?? null }))
  const { provider, reason, refusedAt, source, headers, body, diagnosis, because } = refusedDeliveries
  await queryBuilder(pool).execute(sql`
    insert into ${refusedDeliveries} (${columns(provider, reason, refusedAt, source, headers, body, diagnosis, because)})
    select provider, reason, "refusedAt", source, headers, decode(body, 'base64'), diagnosis, because
    from json_to_recordset(${JSON.stringify(rows)}::json) as row(
      provider text, reason text, "refusedAt" timestamptz, source text, headers jsonb, body text, diagnosis text, because text)`)
}

/** Stores which signed deliveries got 503. */
export const storeDeferred = async (pool: pg.Pool, deliveries: DeferredDelivery[]): Promise<void> => {
  const { provider, deferredAt, dedupeKey, eventCount } = deferredDeliveries
  await queryBuilder(pool).execute(sql`
    insert into ${deferredDeliveries} (${columns(provider, deferredAt, dedupeKey, eventCount)})
    select provider, "deferredAt", "dedupeKey", "eventCount"
    from json_to_recordset(${JSON.stringify(deliveries)}::json)
      as row(provider text, "deferredAt" timestamptz, "dedupeKey" text, "eventCount" int)`)
}

/** Deletes what is too old, and all but the newest of each provider and reason. */
export const trimRefused = async (pool: pg.Pool, now: Date): Promise<void> => {
  const db = queryBuilder(pool)
  await db
    .delete(deferredDeliveries)
    .where(lt(deferredDeliveries.deferredAt, new Date(now.getTime() - DAYS_KEPT * DAY)))
  const { id, provider, reason, refusedAt } = refusedDeliveries
  await db.execute(sql`
    delete from ${refusedDeliveries} where ${id} in (
      select ${id} from ${refusedDeliveries}
      where ${refusedAt} < ${new Date(now.getTime() - DAYS_KEPT * DAY)} or ${id} in (
        select id from (
          select ${id}, row_number() over (partition by ${provider}, ${reason} order by ${refusedAt} desc, ${id} desc) as place
          from ${refusedDeliveries}) ranked
        where place > ${MAX_KEPT})
      order by ${id} for update skip locked)`)
}
