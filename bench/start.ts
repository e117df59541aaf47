import { join } from 'node:path'
import { claimDataFolder } from '../src/infra/data-folder.ts'
import { startEmbeddedPostgres } from '../src/infra/embedded-postgres.ts'
import { createLogger } from '../src/infra/logger.ts'
import { askViewer, startProduct, withFolder } from './harness/product.ts'
import { type BenchReport, median, ratioOf } from './harness/result.ts'

const rounds = 5

interface Times {
  cold: number
  warm: number
}

/**
 * From the spawn of `npm start` to the answer of an authenticated query, on an empty folder and again on the same one;
 * against the same PostgreSQL alone, made and started, and started again. One round of the one, one of the other.
 */
export async function bench(): Promise<BenchReport> {
  const ours: Times[] = []
  const reference: Times[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(await withFolder((folder) => measureProduct(join(folder, 'data'))))
    reference.push(await withFolder((folder) => measurePostgres(join(folder, 'data'))))
  }
  const [cold, warm] = (['cold', 'warm'] as const).map((which) => {
    const [mine, bare] = [ours, reference].map((times) => times.map((each) => Math.round(each[which])))
    const [ourMs, referenceMs] = [median(mine ?? []), median(bare ?? [])]
    return {
      ours: ourMs,
      reference: referenceMs,
      ratio: ratioOf(ourMs, referenceMs),
      runs: { ours: mine, reference: bare },
    }
  }) as [Compared, Compared]
  return {
    result: {
      name: 'start',
      ours: warm.ours,
      reference: warm.reference,
      unit: 'ms',
      ratio: warm.ratio,
      goal: 'about a second',
      detail: { cold, warm },
    },
    table: Object.entries({ 'first start': cold, 'later start': warm }).map(([what, compared]) => ({
      what,
      'npm start to answer, ms': compared.ours,
      'bare PostgreSQL, ms': compared.reference,
      ratio: compared.ratio,
      runs: compared.runs.ours?.join(' ') ?? '',
    })),
  }
}

interface Compared {
  ours: number
  reference: number
  ratio: number
  runs: { ours: number[] | undefined; reference: number[] | undefined }
}

async function measureProduct(folder: string): Promise<Times> {
  const first = await timed(() => answered(folder, null))
  await first.done.product.stop()
  const second = await timed(() => answered(folder, first.done.key))
  await second.done.product.stop()
  return { cold: first.ms, warm: second.ms }
}

async function answered(folder: string, knownKey: string | null) {
  const product = await startProduct(folder, ['npm', 'start'])
  const key = knownKey ?? product.firstKey ?? ''
  await askViewer(product.address, key)
  return { product, key }
}

async function measurePostgres(path: string): Promise<Times> {
  const folder = await claimDataFolder(path)
  const start = () => startEmbeddedPostgres({ folder: folder.path, logger: createLogger('silent') })
  const first = await timed(start)
  await first.done.stop()
  const second = await timed(start)
  await second.done.stop()
  await folder.release()
  return { cold: first.ms, warm: second.ms }
}

async function timed<Done>(work: () => Promise<Done>): Promise<{ ms: number; done: Done }> {
  const begun = performance.now()
  const done = await work()
  return { ms: performance.now() - begun, done }
}
