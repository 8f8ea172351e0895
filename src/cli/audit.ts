import { Command } from 'commander'
import { listChanges } from '../operations/audit.ts'
import { printJson, printTable, remark } from './output.ts'
import { jsonOption, readCount } from './selection.ts'
import { withDatabase } from './stores.ts'

export const auditCommand = (): Command =>
  new Command('audit').addCommand(
    new Command('list')
      .description("list operators' changes, the newest first")
      .option('--limit <number>', 'at most this many', readCount, 50)
      .option('--before <id>', 'continue after a page: the "next" value it ended with')
      .addOption(jsonOption())
      .action(({ limit, before, json }: { limit: number; before?: string; json?: boolean }) =>
        withDatabase(async (pool) => {
          const page = await listChanges(pool, { limit, before })
          if (json) return printJson(page)
          printTable(
            ['when', 'who', 'from', 'action', 'how many', 'what', 'reason'],
            page.changes.map((change) => [
              change.actedAt,
              change.operator,
              change.via,
              change.action,
              change.affected,
              change.subject ?? (change.eventRowId === null ? null : `event ${change.eventRowId}`),
              change.reason,
            ]),
          )
          if (page.next !== null) remark(`there are more: --before ${page.next}`)
        }),
      ),
  )
