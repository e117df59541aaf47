import type { Client } from 'pg'
import type { Dataset } from './dataset.ts'
import { scaled } from './size.ts'

/** 1,310,000 traces: a tenant with a million, one with ten thousand, two with 100,000 and a thousand with 100 each. */
interface Lists {
  main: Tenant
  small: Tenant
}

interface Tenant {
  key: string
  tenantId: string
}

export const mainTraces = scaled(1_000_000)
export const smallTraces = scaled(10_000)
const largeTraces = scaled(100_000)
const otherTraces = scaled(100_000)
const total = mainTraces + smallTraces + 2 * largeTraces + otherTraces
const chunk = 50_000
/** Of each prompt, one after the other. */
const versions = 20
/** One trace in so many has the tag "rare". */
const rareEvery = 50_000

export const lists: Dataset<Lists> = {
  name: 'lists',
  madeBy: import.meta.url,
  async build({ ask, sql }, key) {
    const { viewer } = await ask<{ viewer: { tenant: { id: string } } }>(key, '{ viewer { tenant { id } } }')
    const { createTenant } = await ask<{ createTenant: { tenant: { id: string }; secret: string } }>(
      key,
      'mutation { createTenant(input: { slug: "small", name: "Small" }) { tenant { id } secret } }',
    )
    const main = { key, tenantId: viewer.tenant.id }
    const small = { key: createTenant.secret, tenantId: createTenant.tenant.id }
    await fill(sql, main.tenantId, small.tenantId)
    return { main, small }
  },
}

/** By the product's own tables and indexes, in the order of time with the tenants mixed: as if it had been sent so. */
async function fill(sql: Client, main: string, small: string): Promise<void> {
  await sql.query(helpers)
  for (let start = 0; start < total; start += chunk) {
    await sql.query(insertTraces, [start, Math.min(start + chunk, total), main, small])
    if ((start / chunk) % 5 === 0) console.error(`  ${start} of ${total} traces`)
  }
  await sql.query(insertAgents)
  await sql.query(insertTenants)
  await sql.query('vacuum analyze')
  await sql.query('checkpoint')
}

/** A number for a row, always the same: `chance(n, 3)` is row n's third, from 0 to below 1. */
const helpers = `
  create function pg_temp.chance(n bigint, which int) returns float8 language sql immutable as
    $$ select (hashint8extended(n, which) & 1048575) / 1048576.0 $$;
  create function pg_temp.skewed(n bigint, which int, size int) returns int language sql immutable as
    $$ select floor(size * pg_temp.chance(n, which) ^ 3)::int $$`

/** The step is a prime, so that each tenant gets its exact share, spread over the whole time. */
const insertTraces = `
  insert into traces (tenant_id, id, agent, name, prompt_name, etag, error_message, model, provider, tags, conversation_id,
    run_id, user_id, given_success, given_outcome, span_count, error_count, roots, roots_running, roots_failed,
    roots_timed_out, spans_started_at, spans_ended_at, spans_input_tokens, spans_output_tokens, spans_total_tokens,
    spans_cost, spans_priced, spans_computed, spans_unpriced, created_at, updated_at)
  select
    case when slot < ${mainTraces} then $3
      when slot < ${mainTraces + smallTraces} then $4
      when slot < ${mainTraces + smallTraces + largeTraces} then 'tn_large_1'
      when slot < ${mainTraces + smallTraces + 2 * largeTraces} then 'tn_large_2'
      else 'tn_other_' || slot % 1000 end,
    md5('trace ' || n), 'agent-' || lpad(pg_temp.skewed(n, 1, 40)::text, 2, '0'), 'conversation',
    prompt, md5(prompt || ' version ' || n / ${Math.ceil(total / versions)}),
    case when fate < 0.05 then 'the provider answered with 529: overloaded' end,
    'model-' || pg_temp.skewed(n, 4, 8), case when pg_temp.chance(n, 4) < 0.5 then 'openai' else 'anthropic' end,
    case when n % ${rareEvery} = 7 then '{rare}'::text[] else
      array(select distinct 'tag-' || pg_temp.skewed(n * 4 + i, 5, 24)
        from generate_series(1, floor(4 * pg_temp.chance(n, 6))::int) i order by 1) end,
    'conversation-' || floor(250000 * pg_temp.chance(n, 7)),
    case when pg_temp.chance(n, 8) < 0.1 then 'run-' || n / 500 end,
    'user-' || pg_temp.skewed(n, 9, 20000),
    case when pg_temp.chance(n, 10) < 0.6 then fate >= 0.05 end,
    case when pg_temp.chance(n, 11) < 0.4 then 'outcome-' || pg_temp.skewed(n, 12, 12) end,
    spans, (fate < 0.05)::int, 1, (fate between 0.06 and 0.062)::int, (fate < 0.05)::int, (fate between 0.05 and 0.06)::int,
    begun, begun + least(600, exp(6 * pg_temp.chance(n, 13)) / 4) * interval '1 s',
    tokens, tokens / 8, tokens + tokens / 8, round((tokens * 0.0000004)::numeric, 8),
    priced, priced, spans / 3 - priced, begun, begun + interval '1 s'
  from generate_series($1::bigint, $2::bigint - 1) n,
    lateral (select (n * 611953) % ${total} as slot, pg_temp.chance(n, 14) as fate,
      timestamptz '2026-08-20' + n * (interval '90 days' / ${total}) as begun,
      1 + pg_temp.skewed(n, 15, 60) as spans, 200 + pg_temp.skewed(n, 16, 60000) as tokens) made,
    lateral (select case when pg_temp.chance(n, 17) < 0.95 then spans / 3 else 0 end as priced,
      case when pg_temp.chance(n, 2) < 0.7 then 'prompt-' || pg_temp.skewed(n, 3, 60) end as prompt) derived`

const insertAgents = `
  insert into agents (tenant_id, id, name, first_seen_at, last_seen_at)
  select tenant_id, 'ag_' || md5(tenant_id || agent), agent, min(started_at), max(started_at)
  from traces group by tenant_id, agent`

const insertTenants = `
  insert into tenants (id, slug, name)
  select distinct tenant_id, replace(tenant_id, '_', '-'), tenant_id from traces on conflict do nothing`
