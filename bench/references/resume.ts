/**
 * All of a tenant's feed as it stands in the table, by pages, and each row written out; it is sent nowhere. The answer
 * says what came in which order.
 */
import { serve } from './serve.ts'

const text = `
  select place, id, kind, trace_id from feed where tenant_id = $1 and (place, id) > ($2::xid8, $3::bigint)
  order by place, id limit 500`

interface Row {
  place: string
  id: string
  kind: number
  trace_id: string
}

const kinds = ['CREATED', 'UPDATED', 'FINISHED', 'DELETED']

serve(async (body, pool) => {
  const { tenantId, place, id, isShown } = JSON.parse(body)
  const shown: string[] = []
  let [events, bytes] = [0, 0]
  for (let last = { place, id }; ; ) {
    const { rows } = await pool.query<Row>({ name: 'feed', text, values: [tenantId, last.place, last.id] })
    for (const { place, id, kind, trace_id } of rows) {
      bytes += JSON.stringify({ cursor: `${place} ${id}`, kind: kinds[kind], traceId: trace_id }).length
      if (isShown) shown.push(`${kinds[kind]} ${trace_id}`)
    }
    events += rows.length
    const end = rows.at(-1)
    if (!end) return JSON.stringify({ events, bytes, shown })
    last = end
  }
})
