import type { Client } from 'pg'
import { wordsOf } from '../../src/reasoning/reasoning-words.repository.ts'
import { bytesOf, signatureOf } from '../../src/reasoning/signature.ts'
import type { Dataset } from './dataset.ts'
import { prose } from './prose.ts'
import { createRandom, type Random } from './random.ts'
import { scaled } from './size.ts'

/** 100,000 reasoning records of one tenant, with vectors as if the built-in encoder had made them. */
interface Decisions {
  key: string
  tenantId: string
}

export const decisionCount = scaled(100_000)
export const model = 'use-lite-en-512'
const chunk = 1_000
/** Records come of so many subjects; about the same one, vectors are near each other. */
const subjects = 300

export const decisions: Dataset<Decisions> = {
  name: 'decisions',
  madeBy: import.meta.url,
  async build({ ask, sql }, key) {
    const { viewer } = await ask<{ viewer: { tenant: { id: string } } }>(key, '{ viewer { tenant { id } } }')
    await fill(sql, viewer.tenant.id)
    return { key, tenantId: viewer.tenant.id }
  },
}

/** Past the product: to embed so many takes two hours. */
async function fill(sql: Client, tenantId: string): Promise<void> {
  const random = createRandom(5)
  const centers = Array.from({ length: subjects }, () => gaussian(random))
  for (let start = 0; start < decisionCount; start += chunk) {
    const records = Array.from({ length: Math.min(chunk, decisionCount - start) }, (_, index) =>
      recordOf(random, start + index + 1),
    )
    await sql.query(insertRecords, [tenantId, JSON.stringify(records)])
    const vectors = records.map(() => near(random, random.pick(centers)))
    const ids = records.map(({ id }) => id)
    await sql.query(insertVectors, [tenantId, model, ids, vectors.map(signatureOf), vectors.map(bytesOf)])
  }
  await sql.query(
    `insert into ledger_heads (tenant_id, sequence, hash, signed_at) values ($1, $2, '', now())
     on conflict (tenant_id) do update set sequence = excluded.sequence`,
    [tenantId, decisionCount],
  )
  await sql.query('vacuum analyze')
  await sql.query('checkpoint')
}

function recordOf(random: Random, sequence: number) {
  return {
    id: `tr_${String(sequence).padStart(9, '0')}`,
    sequence,
    summary: `${prose(random, 80)} ${codeOf(sequence)}`,
    observations: [prose(random, 300), prose(random, 200)],
    hypothesis: prose(random, 120),
    conclusion: prose(random, 160),
    filesRead: [`src/${prose(random, 8).trim().replaceAll(/\W+/g, '-')}/file-${sequence % 5_000}.ts`],
    agent: `agent-${random.whole(0, 39)}`,
    tags: [`tag-${random.whole(0, 23)}`],
  }
}

const codeOf = (sequence: number) => `INC-${20_000 + sequence}`

function gaussian(random: Random): Float32Array {
  return Float32Array.from(
    { length: 512 },
    () => Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction()),
  )
}

function near(random: Random, center: Float32Array): Float32Array {
  const noise = gaussian(random)
  const vector = center.map((value, index) => value + 1.2 * (noise[index] as number))
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

const insertRecords = `
  with given as (
    select id, sequence, summary, observations, hypothesis, conclusion, "filesRead" as files_read, agent, tags,
      '{}'::text[] as key_facts, null::text as output_ref, '[]'::json as alternatives
    from json_to_recordset($2::json) as g(id text, sequence int, summary text, observations text[], hypothesis text,
      conclusion text, "filesRead" text[], agent text, tags text[])),
  tagged as (
    insert into reasoning_tags (tenant_id, tag, sequence, reasoning_id)
    select $1, tag, sequence, id from given, unnest(tags) as tag)
  insert into reasoning_traces (tenant_id, id, sequence, decision_type, summary, observations, hypothesis, conclusion,
    alternatives, files_read, key_facts, agent, tags, size, created_at, words)
  select $1, id, sequence, 'DECISION', summary, observations, hypothesis, conclusion, alternatives, files_read, key_facts,
    agent, tags, length(concat(summary, observations::text, hypothesis, conclusion)), now(), ${wordsOf('g')}
  from given g`

const insertVectors = `
  insert into reasoning_vectors (tenant_id, model, reasoning_id, signature, vector)
  select $1, $2, id, signature::bit(512), vector
  from unnest($3::text[], $4::text[], $5::bytea[]) as g(id, signature, vector)`

/** Words that stand in many records and in few, and every fourth time what stands in one. */
export function questions(count: number): string[] {
  const random = createRandom(23)
  return Array.from({ length: count }, (_, index) =>
    index % 4 === 3 ? codeOf(random.whole(1, decisionCount)) : prose(random, random.whole(20, 60)).trim(),
  )
}
