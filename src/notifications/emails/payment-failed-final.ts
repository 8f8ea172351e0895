import type { Letter } from './letter.ts'
import { payNow } from './payment-failed.ts'

/** A payment failed, and no further attempt is planned. */
export interface PaymentFailedFinal {
  invoiceUrl: string | null
}

export const paymentFailedFinal = ({ invoiceUrl }: PaymentFailedFinal): Letter => ({
  subject: 'Action needed: your RoleFerry payment failed',
  body: [
    'We could not collect the payment for your RoleFerry subscription, and we will not try again.',
    'Unless the invoice is paid, you will lose access to your plan.',
    ...payNow(invoiceUrl),
  ],
})
