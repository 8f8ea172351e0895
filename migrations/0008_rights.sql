ALTER TABLE "operator_actions" DROP CONSTRAINT "operator_actions_event_id_webhook_events_id_fk";

--> statement-breakpoint
-- For `forget` alone: takes address and names from contacts that have opted out. Whoever may call it can put nothing else
-- in their place.
CREATE FUNCTION "webhook_forget_contacts"("ids" bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH forgotten AS (
    UPDATE contacts SET email = 'forgotten-' || id || '@invalid', first_name = NULL, last_name = NULL
    WHERE id = ANY(ids) AND opted_out RETURNING 1
  )
  SELECT count(*)::integer FROM forgotten
$$;
--> statement-breakpoint
-- For `forget` alone: takes addresses, and nothing else, from what operators wrote. `ways` are one address as it may be
-- written.
CREATE FUNCTION "webhook_forget_notes"("ways" text[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH address AS (
    SELECT '(?<![\w.+-])(' || string_agg(regexp_replace(way, '([^[:alnum:]])', '\\\1', 'g'), '|') || ')(?![\w-]|\.\w)' AS pattern
    FROM unnest(ways) AS way
    WHERE way ~ '^[^\s@]+(@|%40)[^\s@]+$'
  ), forgotten AS (
    UPDATE operator_actions
    SET reason = regexp_replace(reason, pattern, '[forgotten]', 'gi'),
        error_before = regexp_replace(error_before, pattern, '[forgotten]', 'gi')
    FROM address
    WHERE reason ~* pattern OR error_before ~* pattern
    RETURNING 1
  )
  SELECT count(*)::integer FROM forgotten
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION "webhook_forget_contacts"(bigint[]), "webhook_forget_notes"(text[]) FROM PUBLIC;
