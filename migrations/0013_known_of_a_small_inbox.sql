-- As before, and planned anew each time until Postgres has statistics of an inbox with events in it: a plan that was made
-- of an empty table takes any index for as good as any other and is kept, and it read all events for each one asked.
CREATE OR REPLACE FUNCTION "webhook_known"("of_provider" text, "event_ids" text[], "dedupe_keys" text[])
RETURNS TABLE ("place" bigint, "event_id" text, "dedupe_key" text, "processed_at" timestamptz, "revivable" boolean)
LANGUAGE plpgsql ROWS 1 SET enable_seqscan = off AS $$
BEGIN
  IF cardinality(event_ids) = 0 THEN RETURN; END IF;
  IF (SELECT reltuples < 1000 FROM pg_class WHERE oid = 'webhook_events'::regclass) THEN
    RETURN QUERY EXECUTE $known$
      SELECT asked.place, found.event_id, found.dedupe_key,
             CASE WHEN found.status IN ('processed', 'ignored') THEN found.processed_at END,
             found.status = 'dead' OR found.status = 'skipped' AND found.waiting_since IS NOT NULL
      FROM unnest($2, $3) WITH ORDINALITY AS asked(event_id, dedupe_key, place)
      CROSS JOIN LATERAL (
        SELECT e.* FROM webhook_events e WHERE e.provider = $1 AND e.event_id = asked.event_id
        UNION ALL
        SELECT e.* FROM webhook_events e WHERE e.provider = $1 AND e.dedupe_key = asked.dedupe_key
        LIMIT 1
      ) found
    $known$ USING of_provider, event_ids, dedupe_keys;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT asked.place, found.event_id, found.dedupe_key,
           CASE WHEN found.status IN ('processed', 'ignored') THEN found.processed_at END,
           found.status = 'dead' OR found.status = 'skipped' AND found.waiting_since IS NOT NULL
    FROM unnest(event_ids, dedupe_keys) WITH ORDINALITY AS asked(event_id, dedupe_key, place)
    CROSS JOIN LATERAL (
      SELECT e.* FROM webhook_events e WHERE e.provider = of_provider AND e.event_id = asked.event_id
      UNION ALL
      SELECT e.* FROM webhook_events e WHERE e.provider = of_provider AND e.dedupe_key = asked.dedupe_key
      LIMIT 1
    ) found;
END $$;
