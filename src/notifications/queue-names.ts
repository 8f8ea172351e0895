// In a file of their own, so that code which only reads the queues does not load the workers.

export const CHANNELS = ['slack', 'email', 'push'] as const
export type Channel = (typeof CHANNELS)[number]
export const DEAD_LETTERS = 'notify-dead'
export const QUEUE_PREFIX = 'notify-'
export const queueName = (channel: Channel): string => `${QUEUE_PREFIX}${channel}`
/** Of pushes to one subscription each, see `PushDelivery`. */
export const PUSH_DELIVERIES = 'push-deliveries'
