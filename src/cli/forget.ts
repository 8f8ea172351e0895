import { stderr } from 'node:process'
import { Command, InvalidArgumentError } from 'commander'
import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { mailboxes, users } from '../db/schema.ts'
import { toStatement } from '../db/statement.ts'
import { type Forgotten, forget, mayForget } from '../operations/forget.ts'
import { CommandError } from './outcome.ts'
import { confirm, printFields, printJson, remark } from './output.ts'
import { byShell, jsonOption, optionalReason, yesOption } from './selection.ts'
import { withDatabase } from './stores.ts'

const readAddress = (text: string): string => {
  const address = text.trim()
  if (!/^[^\s@]+@[^\s@]+$/.test(address)) throw new InvalidArgumentError('Expected an e-mail address.')
  return address
}

export const forgetCommand = (): Command =>
  new Command('forget')
    .argument('<e-mail>', 'the address of a contact', readAddress)
    .addOption(optionalReason())
    .addOption(yesOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The contact stays as an opted-out row without a person. Not removed: accounts (users) and mailboxes, which are
other services' rows; what SendGrid, Stripe, Mailgun, Slack and backups hold.`,
    )
    .action(async (address: string, { reason, yes, json }) => {
      await confirm(`Remove ${address} for good?`, yes)
      await withDatabase(async (pool) => {
        if (!(await mayForget(pool))) {
          throw new CommandError(
            "The service's database role may not change stored deliveries: run this with the owner's DATABASE_URL.",
            'usage',
          )
        }
        const forgotten = await forget(pool, address, byShell(reason), new Date(), progress)
        if (json) printJson(forgotten)
        else tell(forgotten)
        await remarkOwners(pool, address)
        if (forgotten.left > 0) {
          throw new CommandError(
            `${forgotten.left} events or notifications that are not yet processed still hold it: repeat this once they are.`,
          )
        }
        if (Object.values(forgotten).every((count) => count === 0)) {
          throw new CommandError('Nothing that this service keeps held this address.', 'notFound')
        }
      })
    })

const progress = (share: number): void => {
  if (stderr.isTTY)
    stderr.write(`\r${Math.round(share * 100)} % of the events read${share === 1 ? '\n' : ''}`)
}

const tell = ({ contacts, messages, payloads, notifications, notes, refused, changes }: Forgotten): void =>
  printFields([
    ['contacts anonymised and opted out', contacts],
    ['mails without sender and texts', messages],
    ['events without payload', payloads],
    ['notifications deleted', notifications],
    ['notes and errors without it', notes],
    ['refused deliveries deleted', refused],
    ['changes by events deleted', changes],
  ])

const remarkOwners = async (pool: pg.Pool, address: string): Promise<void> => {
  const { rows } = await pool.query<{ what: string }>(
    toStatement(sql`
      select 'user ' || ${users.id} as what from ${users} where lower(${users.email}) = lower(${address})
      union all
      select 'mailbox ' || ${mailboxes.id} from ${mailboxes} where lower(${mailboxes.email}) = lower(${address})`),
  )
  for (const { what } of rows)
    remark(`It is also the address of ${what}: that row belongs to another service and was not removed.`)
}
