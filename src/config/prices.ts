import { z } from 'zod'

/** `price_a, price_b`: every price that means a tier. */
export const priceList = z
  .string()
  .transform((value) => value.split(',').map((part) => part.trim()))
  .refine((prices) => prices.every((price) => /^[!-~]{1,200}$/.test(price)), {
    error: 'expected one price id, or several separated by commas, as in price_1,price_2',
  })

/** With Stripe's secret or key both tiers need a price, and a price means one tier. */
export const priceProblems = (values: Readonly<Record<string, string | undefined>>): string[] => {
  const problems: string[] = []
  const reason = ['STRIPE_WEBHOOK_SECRET', 'STRIPE_API_KEY'].find((name) => values[name] !== undefined)
  if (reason !== undefined) {
    for (const name of ['STRIPE_PRICE_PRO', 'STRIPE_PRICE_TEAMS']) {
      if (values[name] === undefined) problems.push(`${name}: is required when ${reason} is set`)
    }
  }
  const pricesOf = (name: string) => new Set(priceList.optional().safeParse(values[name]).data)
  for (const price of pricesOf('STRIPE_PRICE_TEAMS').intersection(pricesOf('STRIPE_PRICE_PRO'))) {
    problems.push(`STRIPE_PRICE_TEAMS: ${price} is in STRIPE_PRICE_PRO, too; a price means one tier`)
  }
  return problems
}
