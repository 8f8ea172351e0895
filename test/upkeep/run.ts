import { readConfig } from '../../src/config.ts'
import type { Report, UpkeepTask } from '../../src/upkeep/task.ts'
import type { Service } from '../service.ts'

/** Runs a task of upkeep on a service's database, now by its clock, as its schedule does. */
export const runTask = (
  task: UpkeepTask,
  service: Service,
  env: Record<string, string> = {},
): Promise<Report[]> =>
  task.run({
    config: readConfig({ DATABASE_URL: service.databaseUrl, ...env }),
    pool: service.app.database.upkeep,
    now: service.now(),
    enqueue: service.app.jobs.enqueue,
    signal: new AbortController().signal,
    busy: () => false,
  })
