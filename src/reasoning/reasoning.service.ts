import { cleanText } from '../clean.ts'
import { ConflictError, DomainError, NotFoundError } from '../errors.ts'
import { feedTopic } from '../feed/feed.ts'
import { type Page, type PageInput, pageOf, readPage } from '../page.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { Owner, ReasoningRepository } from './reasoning.repository.ts'
import {
  orderChain,
  type ReasoningChain,
  type ReasoningContent,
  type ReasoningTrace,
  readSequence,
  reasoningCursor,
} from './reasoning.ts'
import type { ReasoningAppendService } from './reasoning-append.service.ts'
import { checkReasoningFilter, type ReasoningFilter } from './reasoning-filter.ts'
import { readReasoning, type StoreReasoningInput } from './reasoning-input.ts'

export type ReasoningService = ReturnType<typeof createReasoningService>

/** A page of records; how many there are in all is counted only where a client asks. */
export interface ReasoningPage extends Page<ReasoningTrace> {
  cursorOf(record: ReasoningTrace): string
  countAll(): Promise<number>
}

export interface ReasoningTracesInput extends PageInput {
  filter?: ReasoningFilter | null | undefined
}

/** A page of what belongs to one thing. */
export interface OwnedInput {
  owner: Owner
  id: string
  page: PageInput
}

interface Dependencies {
  records: ReasoningRepository
  append: ReasoningAppendService
  embedding: { nudge(): void }
  bus: { wake(topic: string): void }
}

/** A chain is answered as a whole. */
const maxChain = 20_000
/** Of the contents that are read at once; so much of a hundred is never reached. */
const maxCharacters = 30_000_000
const surelyFew = 100

export function createReasoningService({ records, append, embedding, bus }: Dependencies) {
  return {
    /** Once for each id: the same again is the record that is there. */
    async storeReasoning(viewer: Viewer, input: StoreReasoningInput): Promise<ReasoningTrace> {
      requireScope(viewer, 'INGEST')
      const { tenantId } = viewer
      const reasoning = readReasoning(input)
      const outcome = await append.append(tenantId, { kind: 'STORED', reasoning })
      if (outcome.kind === 'NO_PARENT') {
        throw new NotFoundError('reasoning record', reasoning.parentId as string, 'input.parentId')
      }
      if (outcome.kind !== 'STORED') throw alreadyUsed(reasoning.id, outcome.kind === 'CONFLICT' && outcome.wasDeleted)
      if (outcome.isNew) {
        bus.wake(feedTopic(tenantId))
        embedding.nudge()
      }
      return outcome.record
    },

    /** Its content, its meaning and its words; that it was there stays in the ledger. */
    async deleteReasoning(viewer: Viewer, id: string): Promise<true> {
      requireScope(viewer, 'ADMIN')
      const outcome = await append.append(viewer.tenantId, { kind: 'DELETED', id: cleanText(id) })
      if (outcome.kind !== 'DELETED') throw new NotFoundError('reasoning record', id, 'id')
      return true
    },

    /** In the order asked; null where the tenant has none of that id. */
    async findRecords(viewer: Viewer, ids: readonly string[]): Promise<(ReasoningTrace | null)[]> {
      requireScope(viewer, 'READ')
      const found = await records.findRecords(viewer.tenantId, ids.map(cleanText))
      const byId = new Map(found.map((record) => [record.id, record]))
      return ids.map((id) => byId.get(cleanText(id)) ?? null)
    },

    /** In the order asked, of records that were there a moment ago. */
    async findContents(viewer: Viewer, ids: readonly string[]): Promise<(ReasoningContent | NotFoundError)[]> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const once = [...new Set(ids)]
      if (once.length > surelyFew) {
        const size = await records.sumSizes(tenantId, once)
        if (size > maxCharacters) throw tooMuch(once.length, size)
      }
      const found = await records.findContents(tenantId, once)
      const byId = new Map(found.map((content) => [content.id, content]))
      return ids.map((id) => byId.get(id) ?? new NotFoundError('reasoning record', id))
    },

    /** Newest first. */
    async listRecords(viewer: Viewer, { filter, ...input }: ReasoningTracesInput): Promise<ReasoningPage> {
      requireScope(viewer, 'READ')
      const checked = checkReasoningFilter(filter)
      const request = readPage(input)
      const page = { before: readSequence(request), limit: request.size + 1 }
      const rows = await records.listRecords(viewer.tenantId, checked, page)
      return pageFrom(rows, request, () => records.countRecords(viewer.tenantId, checked))
    },

    /** A page for each, in the order asked; those that ask for the same stretch are read at once. */
    async listOwned(viewer: Viewer, asked: readonly OwnedInput[]): Promise<ReasoningPage[]> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const wanted = asked.map(({ owner, id, page }) => {
        const request = readPage(page)
        return { owner, id: cleanText(id), request, before: readSequence(request), limit: request.size + 1 }
      })
      const stretches = new Map(wanted.map((each) => [stretchOf(each), each]))
      const found = new Map<string, ReasoningTrace[]>()
      for (const [stretch, { owner, ...page }] of stretches) {
        const ids = wanted.flatMap((each) => (stretchOf(each) === stretch ? each.id : []))
        const rows = await records.listOwned(tenantId, { owner, ids: [...new Set(ids)] }, page)
        for (const id of ids) found.set(`${stretch}/${id}`, [])
        for (const row of rows) found.get(`${stretch}/${row[owner]}`)?.push(row)
      }
      return wanted.map((each) => {
        const rows = found.get(`${stretchOf(each)}/${each.id}`) ?? []
        return pageFrom(rows, each.request, () => records.countOwned(tenantId, each))
      })
    },

    /** Null where the tenant has no such record. */
    async findChain(viewer: Viewer, id: string): Promise<ReasoningChain | null> {
      requireScope(viewer, 'READ')
      const chain = await records.findChain(viewer.tenantId, cleanText(id), maxChain + 1)
      if (chain.rootId === null) return null
      if (chain.records.length > maxChain) {
        throw new DomainError(
          'QUERY_TOO_COMPLEX',
          `A chain is answered with up to ${maxChain} records; this has more.`,
          {
            limit: 'chain',
            max: maxChain,
            hint: 'Walk it with ReasoningTrace.children.',
          },
        )
      }
      return orderChain(chain.rootId, chain.records)
    },
  }
}

/** What is read at once is read for all that ask for it. */
function stretchOf({ owner, before, limit }: { owner: Owner; before: number | null; limit: number }): string {
  return `${owner}/${before}/${limit}`
}

function pageFrom(
  rows: readonly ReasoningTrace[],
  request: ReturnType<typeof readPage>,
  countAll: () => Promise<number>,
): ReasoningPage {
  return { ...pageOf(rows, request), cursorOf: reasoningCursor, countAll }
}

function tooMuch(count: number, size: number): DomainError {
  return new DomainError(
    'QUERY_TOO_COMPLEX',
    `What is asked of ${count} records has ${size} characters; up to ${maxCharacters} are read at once.`,
    { limit: 'reasoning', max: maxCharacters, hint: 'Ask for their ids, and for what they say page by page.' },
  )
}

function alreadyUsed(id: string, wasDeleted: boolean): ConflictError {
  const why = wasDeleted ? 'had a record that was deleted' : 'has a record with another content'
  return new ConflictError(`The id "${id}" ${why}; an id is given once.`, { field: 'input.id' })
}
