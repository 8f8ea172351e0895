import { z } from 'zod'

// Stripe renders an event in the endpoint's API version, so the JSON can be older than the package's types. What is
// missing or malformed reads as undefined; only an object without an id cannot be used.

/** What is null or malformed reads as missing. */
export const maybe = <Schema extends z.ZodType>(schema: Schema) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .catch(undefined)

/** The sender decides how long an id is, and ids are indexed. */
export const id = z.string().min(1).max(200)
/** A plain id, or the object itself where it was expanded. */
export const reference = z.union([id, z.object({ id }).transform((object) => object.id)])
/** Up to the year 9999: what Postgres and JavaScript both take. */
export const time = z.number().int().min(0).max(253_402_300_799)
/** In the currency's smallest unit. */
export const amount = z.number().int()
/** Only what can be opened safely from a mail. */
export const webUrl = z.url({ protocol: /^https$/, normalize: true }).max(2_000)

/** Stripe lists 20 items and some hundred lines at most; a million would take seconds to read. */
const MAX_LISTED = 1_000

/** A page of Stripe's; entries that cannot be read are left out. */
export const list = <Schema extends z.ZodType>(schema: Schema) =>
  maybe(
    z.object({
      data: z
        .array(z.unknown())
        .transform((entries) => entries.slice(0, MAX_LISTED))
        .pipe(z.array(maybe(schema))),
      has_more: maybe(z.boolean()),
    }),
  ).transform((page) => ({
    entries: (page?.data ?? []).filter((entry) => entry !== undefined),
    hasMore: page?.has_more ?? false,
  }))

/** Names of the package's fields, and of those that it no longer has; a misspelt one does not compile. */
export type Shape<Resource, Older extends string = never> = { [Name in keyof Resource | Older]?: z.ZodType }

/** The customer an object belongs to, or is. */
export const customerIdOf = (object: unknown): string | undefined => {
  const owner = z.object({ object: maybe(z.string()), id: maybe(id), customer: maybe(reference) })
  const { object: kind, id: own, customer } = maybe(owner).parse(object) ?? {}
  return kind === 'customer' ? own : customer
}

/** Unix seconds, if it is a usable time. */
export const timeOf = (value: unknown): number | undefined => time.safeParse(value).data
