const LARGEST_ID = 2n ** 63n - 1n

/** An outreach id as a sender may write it: an integer from 1 to 2^63-1, as a number or as digits. */
export const usableId = (value: unknown): string | undefined => {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined
  const digits = typeof value === 'number' ? String(value) : value
  if (typeof digits !== 'string') return undefined
  if (/^[1-9]\d{0,17}$/.test(digits)) return digits // without a BigInt, as nearly all
  if (!/^\d{1,30}$/.test(digits)) return undefined
  const id = BigInt(digits)
  return id >= 1n && id <= LARGEST_ID ? String(id) : undefined
}

/** The id in one of our own Message-IDs: `<outreach_{id}@…>`, in any letter case. */
export const idInMessageId = (messageId: string): string | undefined =>
  usableId(/outreach_(\d{1,30})@/i.exec(messageId)?.[1])
