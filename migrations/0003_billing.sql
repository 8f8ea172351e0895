CREATE TABLE "billing_accounts" (
	"user_id" bigint PRIMARY KEY NOT NULL,
	"first_row" jsonb NOT NULL,
	"listed" boolean DEFAULT false NOT NULL,
	"spent" jsonb NOT NULL,
	"added" integer NOT NULL,
	"written" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "invoices" ADD COLUMN "facts" jsonb;--> statement-breakpoint
ALTER TABLE "billing_accounts" ADD CONSTRAINT "billing_accounts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;