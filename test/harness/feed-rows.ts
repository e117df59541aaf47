import { withDatabase } from './database.ts'

export interface FeedRow {
  kind: string
  traceId: string
}

const kinds = ['CREATED', 'UPDATED', 'FINISHED', 'DELETED']

/** What the table says, in the order of the feed: what a watcher of everything is told from the beginning on. */
export function readFeedRows(databaseUrl: string, tenantId?: string): Promise<FeedRow[]> {
  return withDatabase(databaseUrl, async (client) => {
    const { rows } = await client.query(
      'select kind, trace_id from feed where tenant_id = coalesce($1, tenant_id) order by place, id',
      [tenantId],
    )
    return rows.map(({ kind, trace_id: traceId }) => ({ kind: kinds[kind] ?? '', traceId }))
  })
}
