import type { Pool, PoolClient } from 'pg'
import { newId } from '../ids.ts'
import { inTransaction } from '../infra/transaction.ts'
import { insertAgents } from '../traces/ingest-statement.repository.ts'
import type { LedgerEntry, LedgerSigner } from './ledger.ts'
import { holdHead } from './ledger-head.repository.ts'
import { findCurrentKey, insertKey } from './ledger-key.repository.ts'
import type { SealedKey } from './ledger-key.ts'
import { appendChanges, type Change, type Known, type Outcome, type StoredReasoning } from './reasoning-append.ts'
import { wordsOf } from './reasoning-words.repository.ts'

export type ReasoningAppendRepository = ReturnType<typeof createReasoningAppendRepository>

/** Opens what is stored of a key, or makes the first one of a tenant. */
export interface LedgerKeyBox {
  openKey(key: SealedKey): LedgerSigner
  mintKey(now: Date): SealedKey
}

/**
 * Whoever appends to a tenant's ledger holds its head: that is the order. What is decided, signed and stored while it is
 * held is one transaction of six short statements, so that it is held for a few milliseconds, however many changes are
 * written at once; nothing but the ledger of that tenant waits for it.
 */
export function createReasoningAppendRepository(pool: Pool) {
  return {
    append(tenantId: string, changes: readonly Change[], keys: LedgerKeyBox): Promise<Outcome[]> {
      return inTransaction(pool, async (client) => {
        const head = await holdHead(client, tenantId)
        const now = new Date()
        const signer = await findSigner(client, tenantId, { keys, now })
        const known = await findKnown(client, tenantId, idsOf(changes))
        const appended = appendChanges(changes, { ledgerId: tenantId, head, known, signer, now })
        const { outcomes, entries, records, removedIds } = appended
        if (entries.length > 0) await store(client, tenantId, { entries, records, removedIds, now })
        return outcomes
      })
    },
  }
}

function idsOf(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => {
    if (change.kind === 'DELETED') return change.id
    const { id, parentId } = change.reasoning
    return parentId === null ? id : [id, parentId]
  })
}

interface Signing {
  keys: LedgerKeyBox
  now: Date
}

async function findSigner(client: PoolClient, tenantId: string, { keys, now }: Signing): Promise<LedgerSigner> {
  const current = await findCurrentKey(client, tenantId)
  if (current) return keys.openKey(current)
  const first = keys.mintKey(now)
  await insertKey(client, tenantId, first, now)
  return keys.openKey(first)
}

async function findKnown(client: PoolClient, tenantId: string, ids: readonly string[]): Promise<Known[]> {
  const { rows } = await client.query<Known>({ name: 'find-ledger-ids', text: findLedgerIds, values: [tenantId, ids] })
  return rows
}

interface Writing {
  entries: readonly LedgerEntry[]
  records: readonly StoredReasoning[]
  removedIds: readonly string[]
  now: Date
}

async function store(client: PoolClient, tenantId: string, { entries, records, removedIds, now }: Writing) {
  const names = [...new Set(records.flatMap(({ agent }) => agent ?? []))].sort()
  if (names.length > 0) await client.query(meetAgents, [tenantId, names.map(() => newId('ag')), names, now])
  if (removedIds.length > 0) {
    for (const text of [removeRecords, ...removeWhatTheyHad]) await client.query(text, [tenantId, removedIds])
  }
  const values = [tenantId, JSON.stringify(records), JSON.stringify(entries), now]
  await client.query({ name: 'store-reasoning', text: storeAll, values })
}

// Each by the index, whatever the planner believes of the table: a plan that is made while it is empty is kept.
const findLedgerIds = `
  select e.kind, e.reasoning_id as "reasoningId", encode(e.content_hash, 'hex') as "contentHash", e.sequence,
    e.signed_at as "signedAt"
  from unnest($2::text[]) as given(id) cross join lateral (
    select * from ledger_entries where tenant_id = $1 and reasoning_id = given.id offset 0) e`

/** Those that are new appear; of the others it is said when they were last seen, but for what others are at. */
const meetAgents = `
  with seen as (
    update agents a set last_seen_at = $4::timestamptz from (
      select id from agents where tenant_id = $1 and name = any($3::text[])
        and last_seen_at < $4::timestamptz - interval '1 second'
      for no key update skip locked) as stale
    where a.tenant_id = $1 and a.id = stale.id)
  ${insertAgents}`

/**
 * First the records: who has just stored a vector of one holds it until that is committed, and who is about to finds
 * none. Foreign keys would say the same, and look each record up by a plan of when the table was empty.
 */
const removeRecords = 'delete from reasoning_traces where tenant_id = $1 and id = any($2)'

const removeWhatTheyHad = ['reasoning_tags', 'reasoning_due', 'reasoning_vectors'].map(
  (table) => `delete from ${table} where tenant_id = $1 and reasoning_id = any($2)`,
)

// 4 REASONED
const storeAll = `
  with records as materialized (
    select * from json_to_recordset($2::json) as g(id text, sequence int, "decisionType" text, summary text,
      "outputRef" text, observations text[], hypothesis text, conclusion text, confidence float8, alternatives json,
      "filesRead" text[], "keyFacts" text[], agent text, "sessionId" text, tags text[], "parentId" text, "traceId" text,
      "spanId" text, size int, "createdAt" timestamptz)),
  entries as materialized (
    select * from json_to_recordset($3::json) as e(sequence int, kind text, "reasoningId" text, "contentHash" text,
      "previousHash" text, hash text, signature text, "keyId" text, "signedAt" timestamptz)),
  stored_entries as (
    insert into ledger_entries (tenant_id, sequence, kind, reasoning_id, content_hash, previous_hash, hash, signature,
      key_id, signed_at)
    select $1, sequence, kind, "reasoningId", decode("contentHash", 'hex'), decode("previousHash", 'hex'),
      decode(hash, 'hex'), decode(signature, 'base64'), "keyId", "signedAt"
    from entries order by sequence),
  head as (
    update ledger_heads h set sequence = e.sequence, hash = decode(e.hash, 'hex'), signed_at = e."signedAt"
    from (select * from entries order by sequence desc limit 1) e where h.tenant_id = $1),
  rows as (
    select id, sequence, "decisionType" as decision_type, summary, "outputRef" as output_ref, observations, hypothesis,
      conclusion, confidence, alternatives, "filesRead" as files_read, "keyFacts" as key_facts, agent,
      "sessionId" as session_id, tags, "parentId" as parent_id, "traceId" as trace_id, "spanId" as span_id,
      size, "createdAt" as created_at
    from records),
  stored as (
    insert into reasoning_traces (tenant_id, id, sequence, decision_type, summary, output_ref, observations, hypothesis,
      conclusion, confidence, alternatives, files_read, key_facts, agent, session_id, tags, parent_id, trace_id, span_id,
      size, created_at, words)
    select $1, r.*, ${wordsOf('r')} from rows r order by sequence
    returning id, sequence, tags),
  stored_tags as (
    insert into reasoning_tags (tenant_id, tag, sequence, reasoning_id)
    select $1, tag, sequence, id from stored, unnest(tags) as tag),
  due as (
    insert into reasoning_due (tenant_id, reasoning_id, due_at) select $1, id, $4::timestamptz from stored)
  insert into feed (tenant_id, kind, trace_id, span_ids, before, at)
  select $1, 4, id, '{}', null, $4::timestamptz from stored order by sequence`
