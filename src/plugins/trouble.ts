import fp from 'fastify-plugin'
import { createTrouble, type Trouble } from '../trouble.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Logs trouble that repeats, without a line for each time. */
    trouble: Trouble
  }
}

/** One line a minute for what repeats itself: a database that is away fails hundreds of times a second. */
export const troublePlugin = fp(
  async (app) => {
    const trouble = createTrouble(app.log)
    app.decorate('trouble', trouble)
    app.addHook('onClose', async () => trouble.close())
  },
  { name: 'trouble' },
)
