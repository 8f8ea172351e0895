import { Command } from 'commander'
import { counted } from '../counted.ts'
import { dropProcessedKeys } from '../processed-keys/processed-keys.ts'
import { note } from './note.ts'
import { confirm, printJson, remark } from './output.ts'
import { jsonOption, optionalReason, yesOption } from './selection.ts'
import { withDatabase, withRedis } from './stores.ts'

export const redisCommand = (): Command =>
  new Command('redis').addCommand(
    new Command('forget')
      .description('delete all keys of processed events; nothing is lost, the inbox knows every event')
      .addOption(optionalReason())
      .addOption(yesOption())
      .addOption(jsonOption())
      .action(async ({ reason, yes, json }) => {
        await confirm('Make Redis forget which events were processed?', yes)
        await withRedis(async (redis) => {
          const forgotten = await dropProcessedKeys(redis)
          if (json) printJson({ forgotten })
          else
            console.log(
              `${counted(forgotten, 'event')} forgotten; running services use Redis again within a minute`,
            )
          // Also works when the database is away or not configured.
          const change = { action: 'forget redis', subject: null, affected: forgotten } as const
          await withDatabase((pool) => note(pool, change, reason)).catch((error: Error) =>
            remark(error.message),
          )
        })
      }),
  )
