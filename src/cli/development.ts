import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** What `npm run dev` keeps for commands in other terminals: its keys, and where its servers are. */
const schema = z.object({
  /** SendGrid's private key, base64 of PKCS#8. */
  sendgrid: z.string(),
  stripe: z.string().optional(),
  mailgun: z.string().optional(),
  prices: z.object({ pro: z.string(), teams: z.string() }).optional(),
  port: z.number(),
  databaseUrl: z.string().optional(),
  redisUrl: z.string().optional(),
})

const FILE = new URL('../../.data/dev/keys.json', import.meta.url)

/** Undefined where `npm run dev` never ran, as in production. */
export const readDevelopment = (): z.infer<typeof schema> | undefined => {
  try {
    return schema.parse(JSON.parse(readFileSync(FILE, 'utf8')))
  } catch {
    return undefined
  }
}
