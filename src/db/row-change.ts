/** What an event changed in one row. */
export interface RowChange {
  table: string
  id: string
  /** Only the columns that changed; empty of a row that was not there. */
  before: Record<string, unknown>
  after: Record<string, unknown>
  /** Events that were applied together and are about this row; above 1 the change is that of all of them. */
  events: number
}
