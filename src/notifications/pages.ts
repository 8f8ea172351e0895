/** Where alerts link to: a page in a chat must be one click away. */
const DOCS = 'https://github.com/roleferry/roleferry-webhooks/blob/main/docs'

/** The pages that say what to do about an alert. */
export const PAGES = {
  misunderstood: 'runbooks/misunderstood.md',
  unknownPrice: 'runbooks/unknown-price.md',
  backlogAge: 'runbooks/backlog-age.md',
  deadEvents: 'runbooks/dead-events.md',
  silentProvider: 'runbooks/silent-provider.md',
  signatureRefusals: 'runbooks/signature-refusals.md',
  handlerBug: 'runbooks/dead-events-of-a-handler-bug.md',
  databaseOutage: 'runbooks/database-outage.md',
  mailboxGuard: 'runbooks/mailbox-guard.md',
  sendgridAccount: 'runbooks/sendgrid-account.md',
  reconciliation: 'stripe-reconciliation.md',
  providers: 'providers.md',
} as const

export type Page = keyof typeof PAGES

/** The address of a page, without punctuation after it, so that it can be clicked. */
export const linkTo = (page: Page): string => `${DOCS}/${PAGES[page]}`
