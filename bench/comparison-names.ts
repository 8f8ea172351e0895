import type { Measured } from './measure.ts'

/** What is measured, in the order of the tables. */
export const WORKLOADS = {
  fifty: 'SendGrid, 50 events per delivery',
  one: 'SendGrid, 1 event per delivery',
  fiveHundred: 'SendGrid, 500 events per delivery',
  halfFifty: 'SendGrid, 50 per delivery at half of the sustained rate',
  halfOne: 'SendGrid, 1 per delivery at half of the sustained rate',
  stripe: 'Stripe',
  mailgun: 'Mailgun',
} as const
export type Workload = keyof typeof WORKLOADS

export const CONTESTANTS = {
  service: 'the service',
  bullmq: '(a) BullMQ, a transaction per event',
  plain: '(b) plain, in memory after the 200',
  verify: '(c) only verifies and parses',
  effects: '(e) same effects from memory',
  answer: 'only answers (load generator)',
} as const
export type Contestant = keyof typeof CONTESTANTS

/** One round's figures. */
export type Results = Partial<Record<Workload, Partial<Record<Contestant, Measured>>>>
