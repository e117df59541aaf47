import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../infra/transaction.ts'
import { inTurns } from '../turns.ts'
import { hashOf, type LedgerEntry, type LedgerHead } from './ledger.ts'
import { listLedgerKeys } from './ledger-key.repository.ts'
import type { StoredLedgerKey } from './ledger-public-key.ts'
import type { LedgerStretch, NamedEntry, StoredRecord } from './ledger-verification.ts'
import { contentColumns, reasoningColumns } from './reasoning.repository.ts'
import { contentText, type Reasoning } from './reasoning.ts'

export type LedgerRepository = ReturnType<typeof createLedgerRepository>

/** What follows an entry; null: from the start. */
export interface LedgerPageRequest {
  after: number | null
  limit: number
}

export interface LedgerPage extends Omit<LedgerStretch, 'ledgerId' | 'previous' | 'keys'> {
  /** What stands at the place after which the page begins: one entry, if nobody was at it. */
  previous: LedgerEntry[]
  keys: StoredLedgerKey[]
  /** The last entry of all, wherever the page is. */
  headEntry: LedgerEntry | null
}

/** The whole ledger as of one moment, told as it is read. */
export interface LedgerReader {
  begin(keys: readonly StoredLedgerKey[], head: LedgerHead | null): Promise<void>
  /** With the canonical text of what was stored; null where it is gone, and of deletions. */
  read(entry: LedgerEntry, content: string | null): Promise<void>
}

/** One moment for all that is read of a ledger: what is written meanwhile is neither missed by half nor seen by half. */
const snapshot = 'begin isolation level repeatable read read only'

/** Records may have 100,000 characters: so many are held at once, and of a record that is verified only the hash. */
const recordsAtOnce = 50
const charactersOfPage = 8_000_000

export function createLedgerRepository(pool: Pool) {
  return {
    /** Those that say that they were stored. */
    async findEntries(tenantId: string, reasoningIds: readonly string[]): Promise<LedgerEntry[]> {
      const { rows } = await pool.query({ name: 'find-entries', text: findEntries, values: [tenantId, reasoningIds] })
      return rows
    },

    async findHead(tenantId: string): Promise<LedgerHead | null> {
      const { rows } = await pool.query(findHead, [tenantId])
      return rows[0] ?? null
    },

    /** A page with all that is needed to verify it. */
    async readPage(tenantId: string, { after, limit }: LedgerPageRequest): Promise<LedgerPage> {
      return inTransaction(pool, (client) => readPage(client, tenantId, { after, limit }), snapshot)
    },

    async readAll(tenantId: string, reader: LedgerReader): Promise<void> {
      await inTransaction(pool, (client) => readAll(client, tenantId, reader), snapshot)
    },
  }
}

async function readPage(client: PoolClient, tenantId: string, request: LedgerPageRequest): Promise<LedgerPage> {
  const { after, limit } = request
  const read = await listEntries(client, tenantId, { after, limit: limit + 1 })
  const entries = await firstThatFit(client, tenantId, read.slice(0, limit))
  const isLast = entries.length === read.length
  const head = await findOne<LedgerHead>(client, findHead, [tenantId])
  const ids = [...new Set(entries.map(({ reasoningId }) => reasoningId))]
  const { rows: named } = await client.query<NamedEntry>(findNamed, [tenantId, ids])
  const upTo = isLast ? null : (entries.at(-1)?.sequence ?? null)
  return {
    previous: after === null ? [] : (await client.query<LedgerEntry>(findAt, [tenantId, after])).rows,
    entries,
    named,
    records: await digestRecords(client, tenantId, ids),
    strayId: await findStray(client, tenantId, { entries, after, upTo, limit: limit + 1 }),
    keys: await listLedgerKeys(client, tenantId),
    head: isLast ? head : undefined,
    headEntry: head && (await findOne<LedgerEntry>(client, findAt, [tenantId, head.sequence])),
  }
}

async function readAll(client: PoolClient, tenantId: string, reader: LedgerReader): Promise<void> {
  const head = await findOne<LedgerHead>(client, findHead, [tenantId])
  await reader.begin(await listLedgerKeys(client, tenantId), head)
  let after: number | null = null
  for (;;) {
    const entries: LedgerEntry[] = await listEntries(client, tenantId, { after, limit: recordsAtOnce })
    const ids = entries.flatMap(({ kind, reasoningId }) => (kind === 'STORED' ? reasoningId : []))
    const rows = new Map((await listRecords(client, tenantId, ids)).map((row) => [row.id, row]))
    for (const entry of entries) {
      const row = entry.kind === 'STORED' ? rows.get(entry.reasoningId) : undefined
      await reader.read(entry, row ? contentOf(row) : null)
    }
    if (entries.length < recordsAtOnce) return
    after = entries.at(-1)?.sequence ?? null
  }
}

async function listEntries(
  client: PoolClient,
  tenantId: string,
  { after, limit }: LedgerPageRequest,
): Promise<LedgerEntry[]> {
  const { rows } = await client.query({
    name: 'list-entries',
    text: listEntriesAfter,
    values: [tenantId, after, limit],
  })
  return rows
}

/** A page has at least one, and otherwise no more content than is verified in a moment. */
async function firstThatFit(
  client: PoolClient,
  tenantId: string,
  entries: readonly LedgerEntry[],
): Promise<LedgerEntry[]> {
  const ids = entries.map(({ reasoningId }) => reasoningId)
  const { rows } = await client.query<{ id: string; size: number }>(listSizes, [tenantId, ids])
  const sizes = new Map(rows.map(({ id, size }) => [id, size]))
  let characters = 0
  const tooMany = entries.findIndex(({ kind, reasoningId }, index) => {
    characters += kind === 'STORED' ? (sizes.get(reasoningId) ?? 0) : 0
    return index > 0 && characters > charactersOfPage
  })
  return entries.slice(0, tooMany === -1 ? entries.length : tooMany)
}

async function findOne<Row extends object>(client: PoolClient, text: string, values: unknown[]): Promise<Row | null> {
  const { rows } = await client.query<Row>(text, values)
  return rows[0] ?? null
}

interface Stretch {
  entries: readonly LedgerEntry[]
  after: number | null
  upTo: number | null
  limit: number
}

/**
 * Records stand at the places of their entries: one that the page doesn't name is named elsewhere, or nowhere. Among one
 * more than the page has entries there is such a one, if there are so many. In one statement this would be a join, and
 * PostgreSQL, before it has counted a new table, takes the one that compares each with each: a third of a second.
 */
async function findStray(client: PoolClient, tenantId: string, stretch: Stretch): Promise<string | null> {
  const { entries, after, upTo, limit } = stretch
  const named = new Set(entries.flatMap(({ kind, reasoningId }) => (kind === 'STORED' ? reasoningId : [])))
  const { rows } = await client.query<{ id: string }>(listRecordsAt, [tenantId, after, upTo, limit])
  const others = rows.map(({ id }) => id).filter((id) => !named.has(id))
  if (others.length === 0) return null
  const elsewhere = await client.query<LedgerEntry>(findEntries, [tenantId, others])
  const stored = new Set(elsewhere.rows.map(({ reasoningId }) => reasoningId))
  return others.find((id) => !stored.has(id)) ?? null
}

interface RecordRow extends Reasoning {
  sequence: number
  createdAt: Date
  size: number
  alternativesText: string
  /** As they stand in the table that filters go by. */
  tagRows: [tag: string, sequence: number][]
}

async function listRecords(client: PoolClient, tenantId: string, ids: readonly string[]): Promise<RecordRow[]> {
  const { rows } = await client.query({ name: 'list-ledger-records', text: listRecordsOf, values: [tenantId, ids] })
  return rows
}

async function digestRecords(client: PoolClient, tenantId: string, ids: readonly string[]): Promise<StoredRecord[]> {
  const digests: StoredRecord[] = []
  for (let from = 0; from < ids.length; from += recordsAtOnce) {
    const rows = await listRecords(client, tenantId, ids.slice(from, from + recordsAtOnce))
    for (const row of rows) digests.push(await inTurns(() => digestOf(row)))
  }
  return digests
}

function digestOf(row: RecordRow): StoredRecord {
  const { id, sequence, createdAt } = row
  const content = contentOf(row)
  const hasItsSize = content?.length === row.size
  return { id, sequence, createdAt, contentHash: content && hashOf(content), hasItsSize, hasItsTags: hasItsTags(row) }
}

/**
 * Null: it is not as we write it. JSON is read by its value; that its text is the one that we wrote is looked at here, or
 * a number could be changed beyond what 64 bits hold, or a key added that is there twice.
 */
function contentOf(row: RecordRow): string | null {
  if (JSON.stringify(row.alternatives) !== row.alternativesText) return null
  try {
    return contentText(row)
  } catch {
    return null
  }
}

function hasItsTags({ sequence, tags, tagRows }: RecordRow): boolean {
  const expected = (tags ?? []).map((tag) => [tag, sequence])
  return JSON.stringify(expected.sort()) === JSON.stringify(tagRows.sort())
}

const entryColumns = `
  sequence, kind, reasoning_id as "reasoningId", encode(content_hash, 'hex') as "contentHash",
  encode(previous_hash, 'hex') as "previousHash", encode(hash, 'hex') as hash,
  replace(encode(signature, 'base64'), e'\\n', '') as signature, key_id as "keyId", signed_at as "signedAt"`

/**
 * One look into the index for each id. With `any($2)` a plan that is kept from when the table was new goes through all of
 * it, and compares each row with each id.
 */
const named = (columns: string, andKind = '') => `
  select e.* from unnest($2::text[]) as given(id) cross join lateral (
    select ${columns} from ledger_entries where tenant_id = $1 and reasoning_id = given.id ${andKind} offset 0) e`

const findEntries = named(entryColumns, `and kind = 'STORED'`)

// From before the first, where one could be put in: the smallest integer has none before it.
const listEntriesAfter = `
  select ${entryColumns} from ledger_entries
  where tenant_id = $1 and sequence > coalesce($2::bigint, -2147483649) order by sequence limit $3`

const findAt = `select ${entryColumns} from ledger_entries where tenant_id = $1 and sequence = $2`

const findNamed = named(`
  sequence, kind, reasoning_id as "reasoningId", encode(content_hash, 'hex') as "contentHash"`)

const findHead = `
  select sequence, encode(hash, 'hex') as hash, signed_at as "signedAt" from ledger_heads where tenant_id = $1`

const listRecordsOf = `
  select r.*, t."tagRows"
  from unnest($2::text[]) as given(id)
  cross join lateral (
    select ${reasoningColumns}, ${contentColumns}, r.size, r.alternatives::text as "alternativesText"
    from reasoning_traces r where r.tenant_id = $1 and r.id = given.id offset 0) r
  cross join lateral (
    select coalesce(json_agg(json_build_array(tag, sequence)), '[]') as "tagRows"
    from reasoning_tags where tenant_id = $1 and reasoning_id = given.id offset 0) t`

const listSizes = `
  select r.* from unnest($2::text[]) as given(id) cross join lateral (
    select id, size from reasoning_traces where tenant_id = $1 and id = given.id offset 0) r`

const listRecordsAt = `
  select id from reasoning_traces
  where tenant_id = $1 and sequence > coalesce($2::bigint, -2147483649) and sequence <= coalesce($3::bigint, 2147483647)
  order by sequence limit $4`
