/** The page of a trace by one statement: PostgreSQL writes the whole answer, node passes its text on. */
import { serve } from './serve.ts'

const text = `
  select json_build_object('data', json_build_object('trace', row_to_json(answer)))::text as answer
  from (
    select t.id, t.name, t.prompt_name as "promptName", t.etag, (array['RUNNING', 'COMPLETED', 'TIMED_OUT', 'FAILED'])[t.status + 1] as status,
      t.success, t.outcome, t.error_message as "errorMessage", t.started_at as "startedAt", t.ended_at as "endedAt",
      t.duration_ms as "durationMs", t.model, t.provider, c.model_config as "modelConfig",
      t.input_tokens as "inputTokens", t.output_tokens as "outputTokens", t.total_tokens as "totalTokens",
      t.cached_input_tokens as "cachedInputTokens", t.reasoning_tokens as "reasoningTokens",
      trim_scale(t.cost)::text as cost, (array['REPORTED', 'COMPUTED', 'UNPRICED'])[t.cost_source + 1] as "costSource",
      t.tags, c.metadata, t.conversation_id as "conversationId", t.run_id as "runId", t.user_id as "userId",
      c.manifest, c.variables, c.messages, c.output, c.tools, c.tool_choice as "toolChoice",
      t.span_count as "spanCount", t.error_count as "errorCount", t.created_at as "createdAt", t.updated_at as "updatedAt",
      json_build_object('nodes', (
        select coalesce(json_agg(span), '[]') from (
          select id, parent_id as "parentId",
            (array['OTHER', 'CHAIN', 'GUARDRAIL', 'AGENT', 'TOOL', 'RETRIEVER', 'EMBEDDING', 'LLM'])[kind + 1] as kind,
            name, (array['RUNNING', 'COMPLETED', 'TIMED_OUT', 'FAILED'])[s.status + 1] as status,
            started_at as "startedAt", ended_at as "endedAt",
            coalesce(duration_ms, extract(epoch from ended_at - started_at) * 1000)::float8 as "durationMs", model,
            input_tokens as "inputTokens", output_tokens as "outputTokens",
            trim_scale(coalesce(cost, computed_cost))::text as cost
          from spans s where s.tenant_id = t.tenant_id and s.trace_id = t.id
          order by s.started_at, s.id limit 50) as span)) as spans
    from traces t left join trace_contents c on c.tenant_id = t.tenant_id and c.trace_id = t.id
    where t.tenant_id = $1 and t.id = $2) as answer`

serve(async (body, pool) => {
  const { tenantId, traceId } = JSON.parse(body) as { tenantId: string; traceId: string }
  const { rows } = await pool.query({ name: 'trace', text, values: [tenantId, traceId] })
  return rows[0].answer
})
