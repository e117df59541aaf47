import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'
import { findRedisServer, startRedis } from '../scripts/redis-server.ts'
import { type BareQueue, openBareQueue } from './harness/bare-queue.ts'
import { openConnection, requestOf } from './harness/connection.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { type Latency, percentiles } from './harness/latency.ts'
import { type ModelProvider, startModelProvider } from './harness/model-provider.ts'
import { openSession } from './harness/playing.ts'
import { withFolder } from './harness/product.ts'
import { prose } from './harness/prose.ts'
import { createRandom } from './harness/random.ts'
import { type BenchReport, ratioOf } from './harness/result.ts'
import { rounds, scaled } from './harness/size.ts'
import type { Workbench } from './harness/workbench.ts'

const runsPerRound = scaled(60)

interface Measured {
  backend: string
  ours: Latency
  reference: Latency
  ratio: number
  /** Of the medians of each round. */
  rounds: { ours: number; reference: number }[]
}

/**
 * Milliseconds from sending `runPlayground` until the provider has the request, one run at a time, against a job of
 * BullMQ from its adding to its handler, on either backend of the queue; the worse of the two counts.
 */
export async function bench(): Promise<BenchReport> {
  const measured = [await compareOn('PostgreSQL', null)]
  if (findRedisServer()) {
    await withFolder(async (folder) => {
      const redis = await startRedis({ folder })
      try {
        measured.push(await compareOn('Redis', redis.url))
      } finally {
        await redis.stop()
      }
    })
  } else console.error('run: no redis-server was found in the PATH, so that Redis is left out')
  return report(measured)
}

function compareOn(backend: string, redisUrl: string | null): Promise<Measured> {
  const settings = { TRACEMEND_PRIVATE_PROVIDERS: 'allow', ...(redisUrl && { REDIS_URL: redisUrl }) }
  const use = async (bench: Workbench, key: string) => {
    const provider = await startModelProvider()
    const bare = await openBareQueue({ databaseUrl: bench.databaseUrl, redisUrl })
    try {
      const sessionId = await openSession(bench, key, provider.baseUrl, triage())
      return await compare(backend, bench, { request: runRequest(key, sessionId), provider, bare })
    } finally {
      await bare.close()
      await provider.close()
    }
  }
  return withEmptyProduct('run', use, settings)
}

interface Sides {
  request: Buffer
  provider: ModelProvider
  bare: BareQueue
}

/** In turns, after a round each that doesn't count: with its first run the product loads what speaks to providers. */
async function compare(backend: string, { product, sql }: Workbench, sides: Sides): Promise<Measured> {
  const all = { ours: [] as number[], reference: [] as number[] }
  const medians: Measured['rounds'] = []
  for (let round = -1; round < rounds; round++) {
    const connection = await openConnection(product.address)
    const ours: number[] = []
    while (ours.length < runsPerRound) {
      const heard = sides.provider.nextRequest()
      const begun = performance.now()
      const { status, body } = await connection.send(sides.request)
      if (status !== 200 || body.includes('"errors"')) throw new Error(`a run was answered with ${status}: ${body}`)
      ours.push((await heard) - begun)
      await untilEnded(sql)
    }
    connection.close()
    const reference: number[] = []
    while (reference.length < runsPerRound) {
      reference.push(await sides.bare.pass())
      await pause(settleMs)
    }
    if (round < 0) continue
    all.ours.push(...ours)
    all.reference.push(...reference)
    medians.push({ ours: percentiles(ours).p50, reference: percentiles(reference).p50 })
  }
  await requireSuccess(sql)
  const [ours, reference] = [percentiles(all.ours), percentiles(all.reference)]
  return { backend, ours, reference, ratio: ratioOf(ours.p50, reference.p50), rounds: medians }
}

/** For BullMQ's worker to finish its job and wait for another. */
const settleMs = 20

/** What a run leaves to be done, its trace and that trace's place in the search, doesn't run into the next one. */
async function untilEnded(sql: Client): Promise<void> {
  do await pause(settleMs)
  while ((await sql.query(whatIsLeft)).rowCount)
}

const whatIsLeft = `
  select from playground_runs where finished_at is null union all select from search_due limit 1`

async function requireSuccess(sql: Client): Promise<void> {
  const { rows } = await sql.query(
    `select id, status, error from playground_runs where status <> 'SUCCEEDED' or trace_id is null limit 3`,
  )
  if (rows.length > 0) throw new Error(`all runs should have succeeded and been recorded: ${JSON.stringify(rows)}`)
}

const runDocument = 'mutation ($sessionId: ID!) { runPlayground(sessionId: $sessionId) { id status createdAt } }'

function runRequest(key: string, sessionId: string): Buffer {
  const body = JSON.stringify({ query: runDocument, variables: { sessionId } })
  return requestOf('/graphql', body, { authorization: `Bearer ${key}` })
}

/** A prompt as agents have it; each of the session's runs compiles it anew. */
function triage(): object {
  const random = createRandom(21)
  return {
    blocks: [
      { id: 'rules', role: 'SYSTEM', content: `You work for {{ company }}. ${prose(random, 800)}` },
      { id: 'gold', role: 'SYSTEM', content: prose(random, 300), when: 'plan == "gold"' },
      { id: 'example', role: 'ASSISTANT', content: prose(random, 400) },
      { id: 'question', role: 'USER', content: 'A customer of {{ company }} asks: {{ question }}' },
    ],
    variables: [
      { name: 'company', default: 'Acme' },
      { name: 'plan', default: 'gold' },
      { name: 'question', default: prose(random, 200) },
    ],
    model: { provider: 'bench', name: 'gpt-4.1-mini', parameters: { temperature: 0.2, max_tokens: 800 } },
  }
}

function report(measured: readonly Measured[]): BenchReport {
  const worst = measured.reduce((one, other) => (other.ratio > one.ratio ? other : one))
  return {
    result: {
      name: 'run',
      ours: worst.ours.p50,
      reference: worst.reference.p50,
      unit: 'ms',
      ratio: worst.ratio,
      goal: '<= 2',
      detail: { runsPerRound, measured },
    },
    table: measured.flatMap(({ backend, ratio, rounds, ...sides }) =>
      (['ours', 'reference'] as const).map((side) => ({
        'queue on': backend,
        side: side === 'ours' ? 'runPlayground to provider' : 'BullMQ, add to handler',
        'p50, ms': sides[side].p50,
        'p95, ms': sides[side].p95,
        ratio: side === 'ours' ? ratio : '',
        'p50 of each round': rounds.map((round) => round[side]).join(' '),
      })),
    ),
  }
}
