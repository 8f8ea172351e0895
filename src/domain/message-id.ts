/**
 * What the spellings of one Message-ID have in common: it may stand without its angle brackets, and our own prefix
 * `outreach_` in any letter case.
 */
export const bareMessageId = (messageId: string): string =>
  trimmed(messageId, '<> ').replace(/^outreach_/i, 'outreach_')

/** The text without these characters at its ends. A pattern for the end would look from each of them in the middle. */
export const trimmed = (text: string, characters: string): string => {
  let start = 0
  let end = text.length
  while (start < end && characters.includes(text.charAt(start))) start++
  while (end > start && characters.includes(text.charAt(end - 1))) end--
  return text.slice(start, end)
}
