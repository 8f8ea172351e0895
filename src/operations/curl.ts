import { PROVIDER_NAMES, type ProviderName } from '../inbox/provider.ts'
import { localPosts } from '../providers/local-posts.ts'

/** Characters of a line of base64: what `openssl base64 -d` reads. */
const LINE = /.{1,64}/g
/** What is left of a delivery that was forgotten. */
const FORGOTTEN = 'null'

/**
 * A piece of shell that posts a delivery to a service of one's own with `curl`, signed anew with that service's key. The
 * body is in base64, so that it arrives byte for byte and nothing of a sender's acts on the terminal it is pasted to.
 *
 * @param kept the body as it is kept.
 * @returns undefined when it was forgotten, or cannot be read.
 */
export const curlOf = (provider: string, kept: Buffer): string | undefined => {
  const name = PROVIDER_NAMES.find((known) => known === provider)
  if (name === undefined || kept.toString() === FORGOTTEN) return undefined
  try {
    return script(name, localPosts[name].body(kept))
  } catch {
    return undefined
  }
}

/** The same for one event. @param payload as JSON. */
export const curlOfEvent = (provider: string, payload: string): string | undefined => {
  const name = PROVIDER_NAMES.find((known) => known === provider)
  return name && curlOf(name, Buffer.from(localPosts[name].bodyOfOne(payload)))
}

const script = (provider: ProviderName, body: Buffer): string => {
  const { path, keyVariable, contentType, sign, headers } = localPosts[provider]
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
