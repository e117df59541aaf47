import { LimitError } from '../errors.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { ModelPriceRepository } from './model-price.repository.ts'
import { costOf, type Model, modelOf, type PricedCall } from './model-price.ts'
import { type ModelPriceInput, newOwnPrice, pricesTopic } from './own-price.ts'
import { type PriceBook, priceBookOf } from './price-book.ts'

export type ModelPriceService = ReturnType<typeof createModelPriceService>

/** A price counts after this at the latest, also where no wake-up arrives. */
const maxAgeMs = 1_000
/** Whoever has priced nothing for so long is forgotten, with its listener. */
const maxIdleMs = 60_000
const maxTenants = 1_000
const maxModels = 1_000

interface Dependencies {
  prices: ModelPriceRepository
  bus: { listen(topic: string, onWake: () => void): () => void; wake(topic: string): void }
}

interface Entry {
  /** Null where it has to be read again. */
  book: Promise<PriceBook> | null
  readAt: number
  stopListening: () => void
}

/**
 * Costs are computed for every model call that comes in: the tenant's own prices are remembered for a moment, so that
 * a busy tenant costs one query a second and process, and read again at once when a wake-up says that one was set.
 */
export function createModelPriceService({ prices, bus }: Dependencies) {
  /** In the order in which they were read: the first one is the one to forget. */
  const entries = new Map<string, Entry>()

  function findBook(tenantId: string): Promise<PriceBook> {
    const now = Date.now()
    const known = entries.get(tenantId)
    if (known?.book && now - known.readAt < maxAgeMs) return known.book
    // Listening begins before reading, so that what is set in between is heard of.
    const stopListening = known?.stopListening ?? bus.listen(pricesTopic(tenantId), () => forgetPrices(tenantId))
    const book = prices.listPrices(tenantId).then(priceBookOf)
    const entry: Entry = { book, readAt: now, stopListening }
    entries.delete(tenantId)
    entries.set(tenantId, entry)
    book.catch(() => {
      if (entry.book === book) entry.book = null
    })
    releaseOldest(now)
    return book
  }

  function forgetPrices(tenantId: string): void {
    const entry = entries.get(tenantId)
    if (entry) entry.book = null
  }

  function releaseOldest(now: number): void {
    for (const [tenantId, { readAt, stopListening }] of entries) {
      if (entries.size <= maxTenants && now - readAt < maxIdleMs) return
      stopListening()
      entries.delete(tenantId)
    }
  }

  return {
    async listModels(viewer: Viewer): Promise<Model[]> {
      requireScope(viewer, 'READ')
      return priceBookOf(await prices.listPrices(viewer.tenantId))
        .listCurrent()
        .map(modelOf)
    },

    async setModelPrice(viewer: Viewer, input: ModelPriceInput): Promise<Model> {
      requireScope(viewer, 'ADMIN')
      const price = newOwnPrice(input)
      const book = priceBookOf(await prices.listPrices(viewer.tenantId))
      if (!book.hasPrice(price) && book.listCurrent().length >= maxModels) {
        throw new LimitError('QUOTA_EXCEEDED', `A tenant has prices for ${maxModels} models at most.`, {
          field: 'input.model',
          limit: 'modelPrices',
          max: maxModels,
        })
      }
      await prices.storePrice(viewer.tenantId, price)
      forgetPrices(viewer.tenantId)
      bus.wake(pricesTopic(viewer.tenantId))
      return modelOf(price)
    },

    /** One cost for each call, in their order; see `costOf`. Asks no scope: it is for what has been let in. */
    async computeCosts(tenantId: string, calls: readonly PricedCall[]): Promise<(string | null)[]> {
      if (calls.length === 0) return []
      const book = await findBook(tenantId)
      return calls.map((call) => costOf(call, book))
    },

    close(): void {
      for (const { stopListening } of entries.values()) stopListening()
      entries.clear()
    },
  }
}
