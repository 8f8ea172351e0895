CREATE TABLE "alerts" (
	"key" text PRIMARY KEY NOT NULL,
	"cause" text NOT NULL,
	"kind" text NOT NULL,
	"channel" text NOT NULL,
	"text" text NOT NULL,
	"subject" text,
	"count" integer DEFAULT 0 NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"slack_channel" text,
	"slack_ts" text,
	"told" text,
	"line_at" timestamp with time zone
);
--> statement-breakpoint
CREATE UNIQUE INDEX "alerts_cause_open_key" ON "alerts" USING btree ("cause") WHERE "alerts"."ended_at" is null;