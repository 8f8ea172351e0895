CREATE TABLE "misunderstood_causes" (
	"provider" text NOT NULL,
	"reason" text NOT NULL,
	"cause" text NOT NULL,
	"alerted_at" timestamp with time zone NOT NULL,
	CONSTRAINT "misunderstood_causes_pkey" PRIMARY KEY("provider","reason","cause")
);
--> statement-breakpoint
CREATE INDEX "misunderstood_causes_alerted_at_idx" ON "misunderstood_causes" USING btree ("provider","alerted_at");