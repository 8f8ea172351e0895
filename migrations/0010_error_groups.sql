-- Errors that differ in numbers, ids and quoted names alone are one group. Nothing else folds them: the list, a link, a
-- replay and the command line all ask this function.
CREATE FUNCTION "webhook_error_group"("error" text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT left(btrim(
    regexp_replace(
      regexp_replace(
        regexp_replace(
          regexp_replace(
            regexp_replace(left(error, 1000), '"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|`[^`]*`|(?<!\w)''[^'']*''(?!\w)', '"…"', 'g'),
            '[^\s<>"(),;:]+@[^\s<>"(),;:]+', '…', 'g'),
          '\m(acct|ch|cs|cus|dp|du|evt|ii|il|in|li|pi|pm|po|price|prod|py|re|seti|si|src|sub|tr|txn)_[[:alnum:]]+\M', '#', 'g'),
        '[[:alnum:]_-]*\d[[:alnum:]_-]*(\.\d[[:alnum:]_-]*)*', '#', 'g'),
      '\s+', ' ', 'g')
  ), 300)
$$;
--> statement-breakpoint
CREATE INDEX "webhook_events_error_idx" ON "webhook_events" USING btree (webhook_error_group("last_error"),"received_at","id") WHERE "webhook_events"."last_error" is not null;