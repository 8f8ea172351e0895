import { Command } from 'commander'
import { counted } from '../counted.ts'
import { dropProcessedKeys } from '../inbox/processed-keys.ts'
import { confirm, printJson } from './output.ts'
import { jsonOption, yesOption } from './selection.ts'
import { withRedis } from './stores.ts'

export const redisCommand = (): Command =>
  new Command('redis').description('what Redis remembers of processed events').addCommand(
    new Command('forget')
      .description('make Redis forget all of it: nothing is lost, the inbox knows every event')
      .addOption(yesOption())
      .addOption(jsonOption())
      .action(async ({ yes, json }) => {
        await confirm('Make Redis forget which events were processed?', yes)
        await withRedis(async (redis) => {
          const forgotten = await dropProcessedKeys(redis)
          if (json) printJson({ forgotten })
          else
            console.log(
              `${counted(forgotten, 'event')} forgotten; running services use Redis again within a minute`,
            )
        })
      }),
  )
