import { findRedisServer, startRedis } from '../scripts/redis-server.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { type Latency, percentiles } from './harness/latency.ts'
import { type ModelProvider, startModelProvider } from './harness/model-provider.ts'
import { openSession } from './harness/playing.ts'
import { type Product, startProduct, withFolder } from './harness/product.ts'
import type { BenchReport } from './harness/result.ts'
import { rounds, scaled } from './harness/size.ts'
import { openSubscription } from './harness/subscription.ts'
import type { Workbench } from './harness/workbench.ts'

/** Fifty tokens a second, as models of today speak. */
const everyMs = 20
const words = Array.from({ length: scaled(300) }, (_, index) => ` word ${index}`)
const goalMs = 100
/** Both processes open the provider's key with it. */
const secret = Buffer.alloc(32, 7).toString('base64')
const content = {
  blocks: [{ id: 'question', role: 'USER', content: 'Where is my parcel?' }],
  model: { provider: 'bench', name: 'gpt-4.1-mini' },
}
const query = 'subscription ($id: ID!) { playgroundRunEvents(runId: $id) { offset delta done } }'

interface Measured {
  backend: string
  here: Latency
  there: Latency
  bare: Latency
}

/**
 * Milliseconds from a provider's sending a word until who watches the run holds it: at the process that calls the model,
 * and at another one; against who asks the provider itself. The worst p99 counts.
 */
export async function bench(): Promise<BenchReport> {
  const measured = [await measureOn('PostgreSQL', {})]
  if (findRedisServer()) {
    await withFolder(async (folder) => {
      const redis = await startRedis({ folder })
      try {
        measured.push(await measureOn('Redis', { REDIS_URL: redis.url }))
      } finally {
        await redis.stop()
      }
    })
  } else console.error('deltas: no redis-server was found in the PATH, so that Redis is left out')
  return report(measured)
}

function measureOn(backend: string, queue: Record<string, string>): Promise<Measured> {
  const settings = { TRACEMEND_SECRET: secret, TRACEMEND_PRIVATE_PROVIDERS: 'allow', ...queue }
  const use = (bench: Workbench, key: string) =>
    withFolder(async (folder) => {
      const besides = { DATABASE_URL: bench.databaseUrl, TRACEMEND_WORKERS: 'none' }
      const other = await startProduct(folder, undefined, { ...settings, ...besides })
      const provider = await startModelProvider({ words, everyMs })
      try {
        return await measure(backend, bench, { other, provider, key })
      } finally {
        await provider.close()
        await other.stop()
      }
    })
  return withEmptyProduct('deltas', use, settings)
}

interface Sides {
  other: Product
  provider: ModelProvider
  key: string
}

/** In turns, after a round that doesn't count. */
async function measure(backend: string, bench: Workbench, { other, provider, key }: Sides): Promise<Measured> {
  const all = { here: [] as number[], there: [] as number[], bare: [] as number[] }
  const sessionId = await openSession(bench, key, provider.baseUrl, content)
  for (let round = -1; round < rounds; round++) {
    const watched = { here: [] as number[], there: [] as number[] }
    const { runPlayground } = await bench.ask<{ runPlayground: { id: string } }>(
      key,
      'mutation ($id: ID!) { runPlayground(sessionId: $id) { id } }',
      { id: sessionId },
    )
    const watchAt = (address: string) => watch({ address, key }, runPlayground.id)
    ;[watched.here, watched.there] = await Promise.all([watchAt(bench.product.address), watchAt(other.address)])
    const { saidAt } = provider
    const bare = await listen(provider.baseUrl)
    if (round < 0) continue
    all.here.push(...latenesses(watched.here, saidAt))
    all.there.push(...latenesses(watched.there, saidAt))
    all.bare.push(...latenesses(bare, provider.saidAt))
  }
  return { backend, here: percentiles(all.here), there: percentiles(all.there), bare: percentiles(all.bare) }
}

function latenesses(heardAt: readonly number[], saidAt: readonly number[]): number[] {
  if (heardAt.length !== words.length || saidAt.length !== words.length) {
    throw new Error(`of ${words.length} words ${saidAt.length} were said and ${heardAt.length} heard`)
  }
  return heardAt.map((at, index) => at - (saidAt[index] ?? Number.NaN))
}

/** When each word was there, whole. */
function createEar(): { hear(length: number): void; heardAt: number[] } {
  const heardAt: number[] = []
  let [length, end] = [0, words[0]?.length ?? 0]
  return {
    heardAt,
    hear(more) {
      length += more
      while (heardAt.length < words.length && end <= length) {
        heardAt.push(performance.now())
        end += words[heardAt.length]?.length ?? 0
      }
    },
  }
}

async function watch(where: { address: string; key: string }, id: string): Promise<number[]> {
  const { hear, heardAt } = createEar()
  let close = () => {}
  try {
    await new Promise<void>((resolve, reject) => {
      const onNext = (text: Buffer) => {
        const { delta, done } = JSON.parse(text.toString()).payload.data.playgroundRunEvents
        hear(delta.length)
        if (done) resolve()
      }
      openSubscription({ ...where, query, variables: { id }, onNext, onEnd: reject }).then((subscription) => {
        close = subscription.close
      }, reject)
    })
  } finally {
    close()
  }
  return heardAt
}

async function listen(baseUrl: string): Promise<number[]> {
  const { hear, heardAt } = createEar()
  const response = await fetch(`${baseUrl}/chat/completions`, { method: 'POST', body: '{}' })
  for await (const bytes of response.body ?? []) {
    for (const [, data = ''] of Buffer.from(bytes)
      .toString()
      .matchAll(/^data: (\{.*)$/gm)) {
      hear(JSON.parse(data).choices[0]?.delta.content?.length ?? 0)
    }
  }
  return heardAt
}

function report(measured: readonly Measured[]): BenchReport {
  const worstOf = ({ here, there }: Measured) => Math.max(here.p99, there.p99)
  const worst = measured.reduce((one, other) => (worstOf(other) > worstOf(one) ? other : one))
  return {
    result: {
      name: 'deltas',
      ours: worstOf(worst),
      reference: worst.bare.p99,
      unit: 'ms',
      // The goal is one of time.
      ratio: null,
      goal: `<= ${goalMs} ms`,
      detail: { words: words.length, everyMs, rounds, measured },
    },
    table: measured.flatMap(({ backend, here, there, bare }) =>
      Object.entries({
        'at the process that calls': here,
        'at another process': there,
        'of the provider itself': bare,
      }).map(([heard, { p50, p95, p99 }]) => ({
        'bus on': backend,
        'a word is heard': heard,
        'p50, ms': p50,
        'p95, ms': p95,
        'p99, ms': p99,
      })),
    ),
  }
}
