import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { PROVIDER_NAMES } from '../providers/index.ts'

/** What `npm run dev` keeps for commands in other terminals: its keys, and where its servers are. */
const schema = z.object({
  /** What each provider's deliveries are signed with. */
  keys: z.partialRecord(z.enum(PROVIDER_NAMES), z.string()),
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
