import { Argument, Command } from 'commander'
import { pauseProcessing, resumeProcessing } from '../operations/pauses.ts'
import { PROVIDER_NAMES, type ProviderName } from '../providers/index.ts'
import { CommandError } from './outcome.ts'
import { plain, printJson } from './output.ts'
import { byShell, jsonOption, reasonOption } from './selection.ts'
import { withDatabase } from './stores.ts'

interface Options {
  type?: string
  reason: string
  json?: boolean
}

const command = (name: 'pause' | 'resume'): Command =>
  new Command(name)
    .addArgument(new Argument('<provider>', 'whose events').choices(PROVIDER_NAMES))
    .option('--type <type>', 'only events of this type, as in "click" or "invoice.paid"')
    .addOption(reasonOption())
    .addOption(jsonOption())

const nameOf = (provider: string, type: string | undefined): string =>
  type === undefined ? provider : `${provider} ${type}`

export const pauseCommand = (): Command =>
  command('pause')
    .addHelpText(
      'after',
      `
Deliveries are still accepted. Their events are processed once you resume; nothing is lost, and a pause never makes an event too late.`,
    )
    .action((provider: ProviderName, { type, reason, json }: Options) =>
      withDatabase(async (pool) => {
        const paused = await pauseProcessing(pool, { provider, type }, byShell(reason), new Date())
        if (!paused) throw new CommandError(plain(`${nameOf(provider, type)} is paused already.`))
        if (json) printJson({ paused: { provider, type: type ?? null } })
        else console.log(plain(`${nameOf(provider, type)} is paused; run webhooks resume to continue`))
      }),
    )

export const resumeCommand = (): Command =>
  command('resume').action((provider: ProviderName, { type, reason, json }: Options) =>
    withDatabase(async (pool) => {
      const { resumed, due } = await resumeProcessing(pool, { provider, type }, byShell(reason), new Date())
      if (!resumed) throw new CommandError(plain(`${nameOf(provider, type)} is not paused.`), 'notFound')
      if (json) printJson({ resumed: { provider, type: type ?? null }, due })
      else console.log(plain(`${nameOf(provider, type)} is resumed, ${due} pending events are due now`))
    }),
  )
