/** RFC 2047: `=?iso-8859-1?Q?Gr=FC=DFe?=`; space between two of them does not count. */
const WORD =
  /=\?([\w-]+)(?:\*[\w-]*)?\?([bq])\?([^?\s]*)\?=(?:\s+(?==\?[\w-]+(?:\*[\w-]*)?\?[bq]\?[^?\s]*\?=))?/gi

/** Decodes the encoded words of a header; one in an unknown charset stays as it is. */
export const decodeWords = (text: string): string =>
  text.includes('=?')
    ? text.replace(WORD, (word, charset: string, encoding: string, encoded: string) => {
        try {
          const bytes = encoding.toLowerCase() === 'b' ? Buffer.from(encoded, 'base64') : fromQ(encoded)
          return new TextDecoder(charset).decode(bytes)
        } catch {
          return word
        }
      })
    : text

const fromQ = (text: string): Buffer =>
  Buffer.from(
    text
      .replaceAll('_', ' ')
      .replace(/=([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  )
