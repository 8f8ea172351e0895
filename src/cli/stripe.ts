import { Command } from 'commander'
import { catchUpCommand } from './stripe/catch-up.ts'
import { reconcileCommand } from './stripe/reconcile.ts'

export const stripeCommand = (): Command =>
  new Command('stripe')
    .description('ask Stripe for what did not arrive')
    .addCommand(catchUpCommand())
    .addCommand(reconcileCommand())
