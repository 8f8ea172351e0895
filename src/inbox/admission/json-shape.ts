/** Bodies above this many bytes are looked through before they are parsed; smaller ones cannot cost much. */
const LARGE = 64 * 1024
/** More than any provider sends. Far below what `JSON.stringify` takes before it gives up, which is slow. */
export const MAX_LEVELS = 1_000
/** Five times a full SendGrid batch. Parsing, writing and hashing this many values takes about 200 ms. */
export const MAX_VALUES = 150_000

/**
 * Whether a body, even a short one, would block the event loop for too long: `levels` when it nests too deeply,
 * `values` when it holds too many. Looks at the bytes alone, so that it need not be valid JSON.
 */
export const costlyShape = (json: Buffer): 'levels' | 'values' | undefined => {
  if (json.length <= LARGE) return undefined
  let depth = 0
  let values = 1
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === COMMA) values++
    else if (byte === BRACKET || byte === BRACE) {
      values++
      if (++depth > MAX_LEVELS) return 'levels'
    } else if (byte === BRACKET_END || byte === BRACE_END) depth--
  }
  return values > MAX_VALUES ? 'values' : undefined
}

const QUOTE = 0x22
const COMMA = 0x2c
const BRACKET = 0x5b
const BACKSLASH = 0x5c
const BRACKET_END = 0x5d
const BRACE = 0x7b
const BRACE_END = 0x7d
