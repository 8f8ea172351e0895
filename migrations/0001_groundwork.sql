ALTER TABLE "inbound_messages" DROP CONSTRAINT "inbound_messages_kind_check";--> statement-breakpoint
ALTER TABLE "inbound_messages" DROP CONSTRAINT "inbound_messages_matched_by_check";--> statement-breakpoint
ALTER TABLE "mailboxes" ADD COLUMN "paused_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "mailboxes" ADD COLUMN "paused_reason" text;--> statement-breakpoint
ALTER TABLE "mailboxes" ADD COLUMN "resumed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "mailboxes" ADD COLUMN "warned_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "mailboxes" ADD COLUMN "resumed_bounce_rate" double precision;--> statement-breakpoint
ALTER TABLE "mailboxes" ADD COLUMN "resumed_spam_rate" double precision;--> statement-breakpoint
ALTER TABLE "outreach" ADD COLUMN "sg_message_id" text;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "misunderstood" text;--> statement-breakpoint
CREATE INDEX "outreach_sg_message_id_idx" ON "outreach" USING btree ("sg_message_id");--> statement-breakpoint
CREATE INDEX "webhook_events_misunderstood_idx" ON "webhook_events" USING btree ("received_at") WHERE "webhook_events"."misunderstood" is not null;--> statement-breakpoint
ALTER TABLE "inbound_messages" ADD CONSTRAINT "inbound_messages_kind_check" CHECK ("inbound_messages"."kind" in ('reply', 'auto_reply', 'bounce', 'complaint', 'own', 'unsubscribe'));--> statement-breakpoint
ALTER TABLE "inbound_messages" ADD CONSTRAINT "inbound_messages_matched_by_check" CHECK ("inbound_messages"."matched_by" in ('thread', 'sender', 'domain', 'mailbox'));