/** A page of the list by hand: one select with the conditions that were asked for, and the cursor of its last row. */
import { serve } from './serve.ts'

/** As the product writes its codes. */
const statuses = ['RUNNING', 'COMPLETED', 'TIMED_OUT', 'FAILED']
const size = 20

interface Asked {
  tenantId: string
  filter: {
    status?: string[]
    agents?: string[]
    model?: string
    promptName?: string
    userId?: string
    etag?: string
    tagsAny?: string[]
    tagsAll?: string[]
    cost?: { gte: string }
    startedAt?: { gte: string; lt: string }
  }
}

serve(async (body, pool) => {
  const { tenantId, filter } = JSON.parse(body) as Asked
  const values: unknown[] = [tenantId]
  const conditions = ['tenant_id = $1']
  const add = (condition: string, value: unknown) => conditions.push(condition.replace('?', `$${values.push(value)}`))
  if (filter.status?.length === 1) add('status = ?', statuses.indexOf(filter.status[0] ?? ''))
  else if (filter.status)
    add(
      'status = any(?::smallint[])',
      filter.status.map((each) => statuses.indexOf(each)),
    )
  if (filter.agents?.length === 1) add('agent = ?', filter.agents[0])
  if (filter.model) add('model = ?', filter.model)
  if (filter.promptName) add('prompt_name = ?', filter.promptName)
  if (filter.userId) add('user_id = ?', filter.userId)
  if (filter.etag) add('etag = ?', filter.etag)
  if (filter.tagsAny) add("tags <> '{}' and tags && ?", filter.tagsAny)
  if (filter.tagsAll) add("tags <> '{}' and tags @> ?", filter.tagsAll)
  if (filter.cost) add('cost >= ?', filter.cost.gte)
  if (filter.startedAt) {
    add('started_at >= ?', filter.startedAt.gte)
    add('started_at < ?', filter.startedAt.lt)
  }
  const { rows } = await pool.query(
    `select id, name, status, outcome, started_at, ended_at, duration_ms, model, total_tokens, trim_scale(cost) as cost,
      span_count, error_count
    from traces where ${conditions.join(' and ')} order by started_at desc, id desc limit ${size + 1}`,
    values,
  )
  const page = rows.slice(0, size)
  const last = page.at(-1)
  const place = last && JSON.stringify(['STARTED_AT', 'DESC', last.started_at, last.id])
  const nodes = page.map((row) => ({
    id: row.id,
    name: row.name,
    status: statuses[row.status],
    outcome: row.outcome,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    durationMs: row.duration_ms,
    model: row.model,
    totalTokens: row.total_tokens === null ? null : Number(row.total_tokens),
    cost: row.cost,
    spanCount: row.span_count,
    errorCount: row.error_count,
  }))
  const endCursor = place ? Buffer.from(place).toString('base64url') : null
  return JSON.stringify({ data: { traces: { nodes, pageInfo: { hasNextPage: rows.length > size, endCursor } } } })
})
