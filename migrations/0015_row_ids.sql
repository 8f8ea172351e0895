-- `event_id` is the provider's id. What holds the id of an event's row says so.
ALTER TABLE "event_attempts" RENAME COLUMN "event_id" TO "event_row_id";--> statement-breakpoint
ALTER TABLE "event_changes" RENAME COLUMN "event_id" TO "event_row_id";--> statement-breakpoint
ALTER TABLE "operator_actions" RENAME COLUMN "event_id" TO "event_row_id";--> statement-breakpoint
ALTER TABLE "event_attempts" RENAME CONSTRAINT "event_attempts_event_id_webhook_events_id_fk" TO "event_attempts_event_row_id_webhook_events_id_fk";--> statement-breakpoint
ALTER TABLE "event_changes" RENAME CONSTRAINT "event_changes_event_id_webhook_events_id_fk" TO "event_changes_event_row_id_webhook_events_id_fk";--> statement-breakpoint
ALTER INDEX "event_attempts_event_id_idx" RENAME TO "event_attempts_event_row_id_idx";--> statement-breakpoint
ALTER INDEX "operator_actions_event_id_idx" RENAME TO "operator_actions_event_row_id_idx";
