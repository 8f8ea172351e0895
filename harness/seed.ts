import pg from 'pg'
import type { SampleSubject } from '../src/simulators/sample.ts'

/** Rows of the seed that a sample delivery can be about. */
export const SEEDED: SampleSubject = {
  outreach: '1',
  customer: 'cus_Sam',
  mailbox: 'sam@rf-send-01.com',
  contact: 'ana@acme.example',
  price: 'price_pro',
}

/**
 * A small RoleFerry: two users, two companies with contacts, two sending mailboxes, and outreach 1 to 6 with
 * scheduled follow-ups. Does nothing when there are users already.
 */
export const seed = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query('select exists (select from users) as seeded')
    if (rows[0]?.seeded) return
    await client.query(SEED)
  } finally {
    await client.end()
  }
}

const SEED = `
begin;
insert into users (email, stripe_customer_id) values ('sam@example.com', 'cus_Sam'), ('kim@example.com', 'cus_Kim');
insert into companies (name) values ('Acme'), ('Globex');
insert into jobs (company_id, title) values (1, 'Engineer'), (2, 'Designer');
insert into applications (user_id, job_id) values (1, 1), (2, 2), (1, 2), (2, 1);
insert into contacts (company_id, email, first_name, last_name) values
  (1, 'ana@acme.example', 'Ana', 'Lopez'), (1, 'bob@acme.example', 'Bob', 'Ray'), (2, 'eve@globex.example', 'Eve', 'Moss'),
  (2, 'joe@globex.example', 'Joe', 'Park');
insert into mailboxes (email) values ('sam@rf-send-01.com'), ('kim@rf-send-01.com');
insert into outreach (application_id, contact_id, from_mailbox, status, sent_at)
select application, contact, mailbox, 'sent', now() - interval '1 hour' from (values
  (1, 1, 'sam@rf-send-01.com'), (1, 2, 'sam@rf-send-01.com'), (2, 3, 'kim@rf-send-01.com'),
  (3, 3, 'sam@rf-send-01.com'), (4, 4, 'kim@rf-send-01.com'), (2, 4, 'kim@rf-send-01.com')) as v(application, contact, mailbox);
insert into sequence_steps (outreach_id, position, scheduled_at)
select id, 1, now() + interval '3 days' from outreach;
commit`
