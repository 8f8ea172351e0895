import { type Letter, type Message, render } from './letter.ts'
import { type PaymentFailed, paymentFailed } from './payment-failed.ts'
import { type PaymentFailedFinal, paymentFailedFinal } from './payment-failed-final.ts'
import { type SubscriptionEnded, subscriptionEnded } from './subscription-ended.ts'
import { type Welcome, welcome } from './welcome.ts'

/** What each e-mail needs to know, by the name its job carries. */
interface EmailData {
  welcome: Welcome
  'payment-failed': PaymentFailed
  'payment-failed-final': PaymentFailedFinal
  'subscription-ended': SubscriptionEnded
}
type Template = keyof EmailData

/** Every e-mail this service sends. */
const letters: { [T in Template]: (data: EmailData[T]) => Letter } = {
  welcome,
  'payment-failed': paymentFailed,
  'payment-failed-final': paymentFailedFinal,
  'subscription-ended': subscriptionEnded,
}

/** Which e-mail, with its data. */
export type EmailContent<T extends Template = Template> = {
  [One in T]: { template: One; data: EmailData[One] }
}[T]

export const compose = <T extends Template>({ template, data }: EmailContent<T>): Message =>
  render(letters[template](data))
