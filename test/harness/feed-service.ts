import type pg from 'pg'
import { createFeedRepository } from '../../src/feed/feed.repository.ts'
import { createFeedService, type FeedReader } from '../../src/feed/feed.service.ts'
import { type FeedEntry, feedTopic } from '../../src/feed/feed.ts'
import { encodeFeedCursor, feedCursorAfter } from '../../src/feed/feed-cursor.ts'
import { createPatience } from '../../src/infra/patience.ts'
import { createPool } from '../../src/infra/postgres.ts'
import { createDatabase } from './database.ts'
import { insertEvents } from './feed-traffic.ts'
import { startLineTo } from './line.ts'
import { recordLog } from './recorded-log.ts'
import { until } from './until.ts'

/** The feed's service over a line to a database of its own, beside which events are written. */
export type FeedWorkbench = Awaited<ReturnType<typeof createFeedWorkbench>>

export async function createFeedWorkbench() {
  const database = await createDatabase()
  const { line, url } = await startLineTo(database.url)
  const logger = recordLog().logger
  const direct = createPool({ databaseUrl: database.url, operationMs: 30_000, logger })
  const pool = createPool({ databaseUrl: url, operationMs: 30_000, logger })
  let tenants = 0

  return {
    line,
    /** Past the line. */
    direct,

    /** Of another tenant each time. */
    openFeed: () => openFeed({ direct, pool, tenantId: `tn_${++tenants}` }),

    /** When the line is whole again, and no connection is one from before. */
    async mend(): Promise<void> {
      await line.restore()
      await until(() => Promise.all(Array.from({ length: 20 }, () => pool.query('select'))).catch(() => null))
    },

    async close(): Promise<void> {
      await Promise.all([pool.end(), direct.end()])
      await line.close()
      await database.drop()
    },
  }
}

export type TestFeed = ReturnType<typeof openFeed>

function openFeed({ direct, pool, tenantId }: { direct: pg.Pool; pool: pg.Pool; tenantId: string }) {
  const listeners = new Map<string, Set<() => void>>()
  const readers: FeedReader[] = []
  const log = recordLog()
  const service = createFeedService({
    feed: createFeedRepository(pool),
    bus: { listen },
    patience: createPatience(log.logger, 'the database of the feed'),
    feedHours: 72,
    // So rarely that a lost wake-up would be noticed.
    pollMs: 600_000,
  })

  function listen(topic: string, onWake: () => void): () => void {
    const own = listeners.get(topic) ?? new Set()
    listeners.set(topic, own.add(onWake))
    return () => own.delete(onWake)
  }

  function wake(tenant = tenantId): void {
    for (const onWake of listeners.get(feedTopic(tenant)) ?? []) onWake()
  }

  /** Commits so many events, and says so; gives the receipt's cursor. */
  async function write(count = 1, tenant = tenantId): Promise<string> {
    const { rows } = await direct.query(insertEvents, [tenant, count])
    wake(tenant)
    return feedCursorAfter(tenant, { snapshot: rows[0].snapshot, own: BigInt(rows[0].own) })
  }

  async function open(after: string | null = null, tenant = tenantId): Promise<FeedReader> {
    const reader = await service.open(tenant, after)
    readers.push(reader)
    return reader
  }

  /** Until it has so many. */
  async function read(reader: FeedReader, count: number): Promise<FeedEntry[]> {
    const told: FeedEntry[] = []
    while (told.length < count) {
      const entries = await reader.next()
      if (!entries) throw new Error(`the reader has ended with ${told.length} of ${count}`)
      told.push(...entries)
    }
    return told
  }

  return {
    ...{ tenantId, service, log, wake, write, open, read },

    /** One that has been told of all there is, and waits for more. */
    async openAtHead() {
      const reader = await open()
      await write()
      await read(reader, 1)
      const next = reader.next()
      next.catch(() => {})
      return { reader, next }
    },

    /** Of all events, in order. */
    async ids(): Promise<bigint[]> {
      const text = 'select id::text from feed f where tenant_id = $1 order by f.place, f.id'
      return (await direct.query(text, [tenantId])).rows.map(({ id }) => BigInt(id))
    },

    cursorBehind: ({ position, start }: FeedEntry) => encodeFeedCursor(tenantId, { position, start, spans: null }),

    countListeners: () => [...listeners.values()].reduce((sum, { size }) => sum + size, 0),

    close(): void {
      for (const reader of readers) reader.close()
      service.close()
    },
  }
}

export const idsIn = (entries: readonly FeedEntry[]) => entries.map(({ position }) => position.id)
