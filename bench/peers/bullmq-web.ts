import { Queue } from 'bullmq'
import { closeOnSigterm, receive } from './receiver.ts'

// Peer (a), the half that receives: a BullMQ job per event, added in bulk, named by the event's id.

const queue = new Queue('sendgrid', {
  connection: { url: process.env.QUEUE_URL ?? '' },
  defaultJobOptions: {
    attempts: 5,
    backoff: { type: 'exponential', delay: 1_000 },
    removeOnComplete: true,
  },
})
const app = await receive(async (events) => {
  await queue.addBulk(
    events.map((event) => ({ name: event.event, data: event, opts: { jobId: event.sg_event_id } })),
  )
})
closeOnSigterm(
  () => app.close(),
  () => queue.close(),
)
