// The reference: see credits-model.mjs.
export interface ModelUser {
  row: {
    tier: string
    credits: number
    subscriptionId: string | null
    status: string | null
    periodEnd: number | null
    cancels: boolean
  }
  ledger: Map<string, number>
  sent: Map<string, number>
}
export const LISTED: object
export function newUser(row?: Partial<ModelUser['row']>): ModelUser
export function change(user: ModelUser, amount: number): ModelUser
export function apply(user: ModelUser, fact: object | undefined): ModelUser
export function readEvent(event: object, prices: ReadonlyMap<string, string>): object | undefined
export function fetched(object: object, at: number, prices: ReadonlyMap<string, string>): object | undefined
