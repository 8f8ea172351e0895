import { isProviderName, type ProviderName, providers } from '../providers/index.ts'
import type { LocalPost } from '../providers/local-post.ts'

/** Characters of a line of base64: what `openssl base64 -d` reads. */
const LINE = /.{1,64}/g
/** What `forget` leaves of a delivery. */
const FORGOTTEN = 'null'

/**
 * A shell script that posts a delivery to the reader's own service with `curl`, signed again with that service's key.
 * The body is in base64, so that it arrives byte for byte and no character of a sender controls the terminal it is
 * pasted into.
 *
 * @param kept the body as it is kept.
 * @returns undefined when its content was removed by `forget`, or cannot be read.
 */
export const curlOf = async (provider: string, kept: Buffer): Promise<string | undefined> => {
  const post = await postOf(provider)
  if (post === undefined || kept.toString() === FORGOTTEN) return undefined
  try {
    return script(provider as ProviderName, post, post.body(kept))
  } catch {
    return undefined
  }
}

/** The same for one event. @param payload as JSON. */
export const curlOfEvent = async (provider: string, payload: string): Promise<string | undefined> => {
  const post = await postOf(provider)
  return post && curlOf(provider, Buffer.from(post.bodyOfOne(payload)))
}

const postOf = async (provider: string): Promise<LocalPost | undefined> =>
  isProviderName(provider) ? providers[provider].localPost?.() : undefined

const script = (
  provider: ProviderName,
  { keyVariable, contentType, sign, headers }: LocalPost,
  body: Buffer,
): string => {
  const { path } = providers[provider]
  return `( # Signed with ${keyVariable}, else with the key of npm run dev. URL names another service.
set -e
key=\${${keyVariable}:-$(node -p 'JSON.parse(fs.readFileSync(".data/dev/keys.json")).keys.${provider}')}
key=\${key%%[, ]*}
body=$(mktemp)
trap 'rm -f "$body" "$body.key"' EXIT
openssl base64 -d > "$body" <<'BODY'
${body.toString('base64').match(LINE)?.join('\n') ?? ''}
BODY
t=$(date +%s)
${sign.join('\n')}
curl -sS -i "\${URL:-http://127.0.0.1:3000}${path}" -H 'content-type: ${contentType}' \\
${headers.map((header) => `  -H "${header}" \\\n`).join('')}  --data-binary "@$body"
)
`
}
