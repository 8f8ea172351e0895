import { makeDays } from '../db/delivery-days.ts'
import type { UpkeepTask } from './task.ts'

/** Days of `webhook_deliveries` are there before their first delivery. */
export const deliveryDays: UpkeepTask = {
  name: 'delivery-days',
  says: 'made days of deliveries',
  cron: '7 * * * *',
  run: async ({ pool, now }) => {
    const days = await makeDays(pool, now)
    return days === 0 ? [] : [{ days }]
  },
}
