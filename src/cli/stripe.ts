import { Command } from 'commander'
import { catchUpCommand } from './stripe/catch-up.ts'
import { reconcileCommand } from './stripe/reconcile.ts'

export const stripeCommand = (): Command =>
  new Command('stripe').addCommand(catchUpCommand()).addCommand(reconcileCommand())
