/**
 * The start of a delivery without its signature. Mailgun signs neither the mail nor where it goes, so a person who
 * reads the signature of a refused delivery could send another mail with it. The body was not checked, so every way in
 * which it may hold a signature is tried, whatever its media type says.
 */
export const withoutSignature = (start: Buffer): Buffer => {
  const text = withoutParts(withoutPairs(start.toString('latin1')))
  return Buffer.from(
    text
      .replace(/("signature"\s*:\s*")[^"]*/gi, `$1${REMOVED}`)
      .replace(/[\da-f]{64,}/gi, REMOVED)
      // Where the start was cut.
      .replace(/(?<![\da-f])[\da-f]{16,}$/i, REMOVED),
    'latin1',
  )
}

const REMOVED = '[removed]'

/** Of an urlencoded form. */
const withoutPairs = (text: string): string =>
  text
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=')
      return equals >= 0 && isSignature(pair.slice(0, equals)) ? `signature=${REMOVED}` : pair
    })
    .join('&')

const isSignature = (name: string): boolean => {
  const decoded = name.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return decoded.trim().toLowerCase() === 'signature'
}

/** Of a multipart form: what follows the headers of a part that is called so, up to the next boundary. */
const withoutParts = (text: string): string => {
  let at: 'elsewhere' | 'headers' | 'value' = 'elsewhere'
  const kept: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('--')) at = 'elsewhere'
    if (at === 'value') continue
    kept.push(line)
    if (/^content-disposition:.*signature/i.test(line)) at = 'headers'
    else if (at === 'headers' && line.trim() === '') {
      at = 'value'
      kept.push(`${REMOVED}\r`)
    }
  }
  return kept.join('\n')
}
