-- Replaces the unique constraint on (provider, dedupe_key) by a unique index on 16 bytes that stand for both. On a filled
-- inbox src/migrate.ts has built it already, concurrently. Gives up after a second behind a lock, so that no delivery
-- waits longer; src/migrate.ts tries again.
SET LOCAL lock_timeout = '1s';--> statement-breakpoint
ALTER TABLE "webhook_events" DROP CONSTRAINT "webhook_events_provider_dedupe_key_key";--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS "webhook_events_fact_key" ON "webhook_events" USING btree ((md5("provider" || "dedupe_key")::uuid));--> statement-breakpoint
CREATE OR REPLACE FUNCTION "webhook_known"("of_provider" text, "event_ids" text[], "dedupe_keys" text[])
RETURNS TABLE ("place" bigint, "event_id" text, "dedupe_key" text, "processed_at" timestamptz, "revivable" boolean)
LANGUAGE plpgsql ROWS 1 SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF cardinality(event_ids) = 0 THEN RETURN; END IF;
  IF (SELECT reltuples < 1000 FROM pg_class WHERE oid = 'webhook_events'::regclass) THEN
    SET LOCAL plan_cache_mode = force_custom_plan; -- until the function returns
  END IF;
  RETURN QUERY
    SELECT asked.place, found.event_id, found.dedupe_key,
           CASE WHEN found.status IN ('processed', 'ignored') THEN found.processed_at END,
           found.status = 'dead' OR found.status = 'skipped' AND found.waiting_since IS NOT NULL
    FROM unnest(event_ids, dedupe_keys) WITH ORDINALITY AS asked(event_id, dedupe_key, place)
    CROSS JOIN LATERAL (
      SELECT e.* FROM webhook_events e WHERE e.provider = of_provider AND e.event_id = asked.event_id
      UNION ALL
      SELECT e.* FROM webhook_events e
      WHERE md5(e.provider || e.dedupe_key)::uuid = md5(of_provider || asked.dedupe_key)::uuid
        AND e.provider = of_provider AND e.dedupe_key = asked.dedupe_key
      LIMIT 1
    ) found;
END $$;
