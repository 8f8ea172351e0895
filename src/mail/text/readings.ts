import type { Mail } from '../mail.ts'
import { senderNames } from '../sender-names.ts'
import { ownText } from './quotes.ts'
import { aboveSignature } from './signatures.ts'

/**
 * The sender's text in each way it may be read: with all lines that are not quoted, and without the last ones if they
 * look like a signature. An entry is empty if nothing else is left.
 */
export const readingsOf = (mail: Mail): string[] =>
  aboveSignature(ownText(mail).split('\n'), senderNames(mail.from)).map((lines) => lines.join('\n'))
