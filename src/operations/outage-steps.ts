import { providers as records } from '../providers/index.ts'
import type { OutageReport, ProviderOutage } from './outage.ts'

/** What is left to do after an outage, in sentences. When nothing is left, one sentence says so. */
export const stepsAfter = ({ from, providers }: Pick<OutageReport, 'from' | 'providers'>): string[] => {
  const steps = providers.flatMap((one) => [...waiting(one), ...asking(one, from)])
  return steps.length > 0
    ? steps
    : [
        'Nothing: every signed delivery that got 503 has come again, and everything that came by then is applied.',
      ]
}

const waiting = ({ provider, pending }: ProviderOutage): string[] =>
  pending === 0
    ? []
    : [
        `${records[provider].label}: ${pending} events that arrived by then are not applied yet; watch the backlog.`,
      ]

const asking = (one: ProviderOutage, from: Date): string[] => {
  const { provider, missing, unverified, retriesUntil } = one
  const { label, undelivered } = records[provider]
  // Deliveries refused before their signature was checked may also be strangers' requests.
  if (missing.deliveries === 0 && unverified === 0) return []
  const what =
    missing.deliveries > 0
      ? `${missing.deliveries} signed deliveries (${missing.events} events) have not come again`
      : `${unverified} deliveries were refused before their signature was checked`
  const until =
    retriesUntil === null ? '' : ` The provider keeps trying by itself until ${retriesUntil.toISOString()}.`
  const { url, resend, fetch } = undelivered
  const how =
    fetch === undefined
      ? `Compare with the provider’s own list: ${url}`
      : `Fetch them: ${fetch} --since ${from.toISOString()} --reason outage`
  const otherwise = resend === undefined ? '' : ` (or ${url}, ${resend})`
  return [`${label}: ${what}.${until} ${how}${otherwise}`]
}
