/** What was made of traces elsewhere, and shows what they showed; `playground/` knows. */
export interface TraceCopies {
  /** Removes it, and gives the ids of the traces that were recorded of it. */
  remove(tenantId: string, traceIds: readonly string[]): Promise<string[]>
}
