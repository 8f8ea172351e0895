ALTER TABLE "operator_actions" DROP CONSTRAINT "operator_actions_action_check";--> statement-breakpoint
ALTER TABLE "operator_actions" ALTER COLUMN "event_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "operator_actions" ALTER COLUMN "status_before" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "operator_actions" ADD COLUMN "subject" text;--> statement-breakpoint
ALTER TABLE "outreach" ADD COLUMN "sg_message_id_seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "operator_actions" ADD CONSTRAINT "operator_actions_action_check" CHECK ("operator_actions"."action" in ('replay', 'discard', 'resume mailbox'));