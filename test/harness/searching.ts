import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { createPool } from '../../src/infra/postgres.ts'
import { mintLedgerKey } from '../../src/reasoning/ledger.ts'
import { createReasoningRepository } from '../../src/reasoning/reasoning.repository.ts'
import type { ReasoningTrace } from '../../src/reasoning/reasoning.ts'
import { createReasoningAppendRepository } from '../../src/reasoning/reasoning-append.repository.ts'
import type { Outcome } from '../../src/reasoning/reasoning-append.ts'
import { createReasoningEmbedding } from '../../src/reasoning/reasoning-embedding.service.ts'
import { readReasoning, type StoreReasoningInput } from '../../src/reasoning/reasoning-input.ts'
import { createReasoningSearchRepository } from '../../src/reasoning/reasoning-search.repository.ts'
import { createReasoningSearchService } from '../../src/reasoning/reasoning-search.service.ts'
import { createReasoningVectorRepository } from '../../src/reasoning/reasoning-vector.repository.ts'
import type { Viewer } from '../../src/tenants/viewer.ts'
import { recordLog } from './recorded-log.ts'

/** Search on a database: records are stored past the API, and vectors made by an encoder that knows a few synonyms. */
export type Searching = ReturnType<typeof openSearching>

export function openSearching(databaseUrl: string, encoder = createWordEncoder()) {
  const pool = createPool({ databaseUrl, operationMs: 30_000, logger: recordLog().logger })
  const errors: unknown[] = []
  const outages: unknown[] = []
  const outage = { began: (error: unknown) => void outages.push(error), ended: () => {} }
  const vectors = createReasoningVectorRepository(pool)
  const search = createReasoningSearchRepository(pool)
  const records = createReasoningRepository(pool)
  return {
    pool,
    encoder,
    vectors,
    search,
    errors,
    outages,
    store: (tenantId: string, all: readonly Partial<StoreReasoningInput>[]) => storeRecords(pool, tenantId, all),
    remove: (tenantId: string, id: string) =>
      createReasoningAppendRepository(pool).append(tenantId, [{ kind: 'DELETED', id }], keys),
    service: createReasoningSearchService({ search, records, encoder, outage, encodeMs: 2_000 }),
    embedding: createReasoningEmbedding({
      vectors,
      encoder,
      queue: { add: async () => {} },
      outage,
      onError: (error) => errors.push(error),
    }),
    embedAll() {
      return this.embedding.embedDue(new AbortController().signal)
    },
    async find(tenantId: string, query: string, more: object = {}) {
      return (await this.service.search(viewerOf(tenantId), { query, ...more })).map(({ trace }) => trace.id)
    },
    end: () => pool.end(),
  }
}

export function viewerOf(tenantId: string): Viewer {
  return { tenantId, keyId: 'k', keyName: 'A reader', scopes: ['READ'], expiresAt: null }
}

const signer = mintLedgerKey()
const keys = {
  openKey: () => signer,
  mintKey: () => ({ id: signer.keyId, publicKey: signer.publicKey, sealedKey: Buffer.from('sealed') }),
}

/** As they were stored, in their order. */
export async function storeRecords(
  pool: Pool,
  tenantId: string,
  all: readonly Partial<StoreReasoningInput>[],
): Promise<ReasoningTrace[]> {
  const changes = all.map((more) => {
    const decision = { type: 'PLAN' as const, summary: 'nothing' }
    const reasoning = readReasoning({ decision, reasoning: { observations: [], conclusion: 'nothing' }, ...more })
    return { kind: 'STORED' as const, reasoning }
  })
  const outcomes = await createReasoningAppendRepository(pool).append(tenantId, changes, keys)
  return outcomes.map((outcome) => (outcome as Outcome & { kind: 'STORED' }).record)
}

/** A record that says no more than this. */
export function saying(id: string, text: string): Partial<StoreReasoningInput> {
  return { id, decision: { type: 'PLAN', summary: text }, reasoning: { observations: [], conclusion: text } }
}

const dimensions = 512
const synonyms: Record<string, string> = { car: 'automobile', money: 'funds', cheap: 'inexpensive' }

/** Points where the words of a text do; those of the same meaning are one. */
export function createWordEncoder({ model = 'words-1', size = dimensions } = {}) {
  return {
    model,
    /** Fails with what it is told to for a text. */
    refuse: (_text: string): Error | null => null,
    encoded: [] as string[],
    async encode(texts: readonly (readonly string[])[], signal?: AbortSignal): Promise<(Float32Array | null)[]> {
      signal?.throwIfAborted()
      const refused = texts.map((parts) => this.refuse(parts.join('\n'))).find((error) => error !== null)
      if (refused) throw refused
      this.encoded.push(...texts.map((parts) => parts.join('\n')))
      return texts.map((parts) => vectorOfWords(parts.join('\n'), size))
    },
    close: async () => {},
  }
}

function vectorOfWords(text: string, size: number): Float32Array | null {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu)
  if (!words) return null
  const sum = new Float32Array(size)
  for (const word of words) {
    const seed = createHash('sha512')
      .update(synonyms[word] ?? word)
      .digest()
    for (let index = 0; index < size; index++) {
      const sign = ((seed[(index >> 3) % seed.length] as number) >> (index & 7)) & 1
      sum[index] = (sum[index] as number) + (sign ? 1 : -1)
    }
  }
  const length = Math.hypot(...sum)
  return length === 0 ? null : sum.map((value) => value / length)
}
