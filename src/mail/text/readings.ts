import type { Mail } from '../mail.ts'
import { senderNames } from '../sender-names.ts'
import { ownText } from './quotes.ts'
import { aboveSignature } from './signatures.ts'

/**
 * What the sender says, in each way it may be read: with all lines below the quotes, and without the last ones where they
 * look like a signature. Empty where nothing else is there.
 */
export const readingsOf = (mail: Mail): string[] =>
  aboveSignature(ownText(mail).split('\n'), senderNames(mail.from)).map((lines) => lines.join('\n'))
