import { readAddresses } from './addresses.ts'
import { fold } from './text/fold.ts'

/** The words of the sender's name and of the local part of the address, folded. @param from the header */
export const senderNames = (from: string | null): Set<string> => {
  const [sender] = readAddresses(from ?? '')
  const text = `${sender?.name ?? ''} ${sender?.address.split('@')[0] ?? ''}`
  return new Set(
    fold(text.slice(0, 200))
      .split(/[^\p{L}]+/u)
      .filter((word) => word.length > 1),
  )
}
