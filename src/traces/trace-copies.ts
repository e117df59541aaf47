/** What was made of traces elsewhere, and shows what they showed; `playground/` knows. */
export interface TraceCopies {
  /** The ids that the traces have, or may yet get, that were recorded of it. */
  listTraceIds(tenantId: string, traceIds: readonly string[]): Promise<string[]>
  remove(tenantId: string, traceIds: readonly string[]): Promise<void>
}
