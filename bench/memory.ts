import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createBatches, requireAccepted, spansPerBatch } from './harness/batches.ts'
import { openConnection } from './harness/connection.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { untilIndexed } from './harness/indexing.ts'
import { measureMemory } from './harness/processes.ts'
import { askViewer, buildProduct, startProduct, withFolder } from './harness/product.ts'
import type { BenchReport } from './harness/result.ts'
import { scaled } from './harness/size.ts'

const idleMs = 10_000
const goalMb = 200
const spans = scaled(1_000_000)
const samples = 10
const connections = 4

type Use = Awaited<ReturnType<typeof measureMemory>>

/**
 * What an idle process takes, ten seconds after a first query: of a start that has made its database (the engine of the
 * migrations stays in memory), and of a later one, which counts; and whether it grows while a million spans go through.
 */
export async function bench(): Promise<BenchReport> {
  await buildProduct()
  const { first, later } = await withFolder(async (folder) => {
    const data = join(folder, 'data')
    const first = await measureIdle(data, null)
    return { first, later: await measureIdle(data, first.key) }
  })
  const { during, after } = await measureIngest()
  return {
    result: {
      name: 'memory',
      ours: later.use.rssMb,
      reference: null,
      unit: 'MB',
      ratio: null,
      goal: `<= ${goalMb} MB idle, flat`,
      detail: { first: first.use, later: later.use, spans, during, after },
    },
    table: Object.keys(later.use).map((what) => ({
      what,
      'first start': String(first.use[what as keyof Use]),
      'later start': String(later.use[what as keyof Use]),
      [`after ${spans} spans`]: String(after[what as keyof Use]),
    })),
    details: during.map((rssMb, index) => ({ spans: (index + 1) * (spans / samples), 'RSS, MB': rssMb })),
  }
}

async function measureIdle(folder: string, knownKey: string | null) {
  const product = await startProduct(folder)
  try {
    const key = knownKey ?? product.firstKey ?? ''
    await askViewer(product.address, key)
    await pause(idleMs)
    return { key, use: await measureMemory(product) }
  } finally {
    await product.stop()
  }
}

/** RSS after each tenth of the spans, while the next is coming, and when all has been stored and indexed. */
function measureIngest(): Promise<{ during: number[]; after: Use }> {
  return withEmptyProduct('memory', async ({ product, sql }, key) => {
    const { next } = createBatches('/ingest', { authorization: `Bearer ${key}` })
    const open = await Promise.all(Array.from({ length: connections }, () => openConnection(product.address)))
    const during: number[] = []
    for (let sample = 1; sample <= samples; sample++) {
      let left = Math.ceil(spans / samples / spansPerBatch)
      await Promise.all(
        open.map(async (connection) => {
          while (left-- > 0) requireAccepted(await connection.send(next()))
        }),
      )
      during.push((await measureMemory(product)).rssMb)
    }
    for (const connection of open) connection.close()
    await untilIndexed(sql)
    await pause(idleMs)
    return { during, after: await measureMemory(product) }
  })
}
