import { type Letter, type Link, longDate } from './letter.ts'

/** A payment failed, and will be tried again. */
export interface PaymentFailed {
  /** Where it can be paid by hand; null when there is no such page. */
  invoiceUrl: string | null
  /** ISO-8601. */
  nextAttemptAt: string
}

export const paymentFailed = ({ invoiceUrl, nextAttemptAt }: PaymentFailed): Letter => ({
  subject: 'Your RoleFerry payment did not go through',
  body: [
    'We could not collect the payment for your RoleFerry subscription.',
    `We will try again on ${longDate(nextAttemptAt)}. Until then nothing changes for you.`,
    ...payNow(invoiceUrl),
  ],
})

/** What the customer can do. Without a page to pay at, only checking the card helps. */
export const payNow = (invoiceUrl: string | null): (string | Link)[] =>
  invoiceUrl === null
    ? ['Please check that your card is up to date.']
    : [
        'You can check your payment details and pay right away:',
        { label: 'Pay the invoice', href: invoiceUrl },
      ]
