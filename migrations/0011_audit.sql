ALTER TABLE "operator_actions" DROP CONSTRAINT "operator_actions_action_check";--> statement-breakpoint
ALTER TABLE "operator_actions" ADD COLUMN "request_id" uuid DEFAULT gen_random_uuid() NOT NULL;--> statement-breakpoint
ALTER TABLE "operator_actions" ADD COLUMN "leads" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "operator_actions" ADD COLUMN "affected" integer;--> statement-breakpoint
-- What was done to many events at once was one request: it had one reason, one name and one time.
UPDATE "operator_actions" o SET "request_id" = request.id, "leads" = o.id = request.first
FROM (
  SELECT action, reason, operator, via, acted_at, min(id) AS first, gen_random_uuid() AS id
  FROM operator_actions WHERE event_id IS NOT NULL GROUP BY action, reason, operator, via, acted_at
) request
WHERE o.event_id IS NOT NULL AND (o.action, o.reason, o.operator, o.via, o.acted_at)
  = (request.action, request.reason, request.operator, request.via, request.acted_at);
--> statement-breakpoint
UPDATE "operator_actions" SET "affected" = 1 WHERE "event_id" IS NULL;
--> statement-breakpoint
CREATE INDEX "operator_actions_request_id_idx" ON "operator_actions" USING btree ("request_id");--> statement-breakpoint
CREATE INDEX "operator_actions_leads_idx" ON "operator_actions" USING btree ("id") WHERE "operator_actions"."leads";--> statement-breakpoint
ALTER TABLE "operator_actions" ADD CONSTRAINT "operator_actions_action_check" CHECK ("operator_actions"."action" in ('replay', 'discard', 'pause', 'resume', 'resume mailbox', 'forget', 'reconcile', 'catch up', 'forget redis'));