/**
 * Fills a tenant with what the agents of a shop did in two weeks, through the door that any client uses: something to
 * look at, to query and to measure before one's own agents send anything. `npm run seed -- --help` says how.
 */
import { createProgress } from './progress.ts'
import { type Batch, batchesOf } from './seed/batches.ts'
import { CannotSeedError, sendBatch, tryDoor } from './seed/door.ts'
import { type Options, readOptions, UsageError, usage } from './seed/options.ts'
import { traces } from './seed/world.ts'

const inFlight = 4
const shownErrors = 5

try {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options) await seed(options)
  else console.log(usage)
} catch (error) {
  if (!(error instanceof CannotSeedError || error instanceof UsageError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function seed(options: Options): Promise<void> {
  const progress = createProgress({
    total: options.traces,
    lines: 5,
    text(done, seconds) {
      const [traces, rate] = [done, Math.round(done / seconds)].map((count) => count.toLocaleString('en'))
      return `${traces} of ${options.traces.toLocaleString('en')} traces, ${rate}/s`
    },
  })
  const onWait = (seconds: number, why: string) => progress.say(`${why} Trying again in ${seconds} s.`)
  const door = { ...options, onWait }
  await tryDoor(door)

  const begun = performance.now()
  const sum = { accepted: 0, rejected: 0, spans: 0, bytes: 0 }
  const errors: string[] = []
  let shownId: string | undefined
  async function send({ spans, body }: Batch): Promise<void> {
    const receipt = await sendBatch(door, body)
    sum.accepted += receipt.accepted
    sum.rejected += receipt.rejected
    sum.spans += spans
    sum.bytes += Buffer.byteLength(body)
    shownId ??= receipt.traceIds[0]
    errors.push(...receipt.errors.slice(0, shownErrors - errors.length).map(({ message }) => message))
    progress.show(sum.accepted + sum.rejected)
  }
  // All of them take from one list, so that at most so many are on their way, and are made only when they are needed.
  const batches = batchesOf(traces({ seed: options.seed, until: options.until, count: options.traces }))
  const senders = Array.from({ length: inFlight }, async () => {
    for (const batch of batches) await send(batch)
  })
  try {
    await Promise.all(senders)
  } finally {
    progress.end()
  }

  for (const message of errors) console.error(`rejected: ${message}`)
  const seconds = (performance.now() - begun) / 1_000
  console.log(summaryOf(options, sum, seconds))
  if (shownId) console.log(nextStep(options.url, shownId))
  if (sum.rejected > 0) process.exitCode = 1
}

interface Sum {
  accepted: number
  rejected: number
  spans: number
  bytes: number
}

function summaryOf({ seed, until }: Options, { accepted, rejected, spans, bytes }: Sum, seconds: number): string {
  const megabytes = (bytes / 1_000_000).toFixed(1)
  return [
    `accepted ${accepted}, rejected ${rejected}: ${spans} spans, ${megabytes} MB in ${seconds.toFixed(1)} s`,
    `The same again: npm run seed -- --traces ${accepted + rejected} --seed ${seed} --until ${until.toISOString()}`,
  ].join('\n')
}

function nextStep(url: string, id: string): string {
  const curl = (query: string) =>
    `curl ${url}/graphql -H 'content-type: application/json' -H "authorization: Bearer $TRACEMEND_KEY" -d '${JSON.stringify({ query })}'`
  return [
    '\nWhat failed, dearest first:\n',
    curl(
      '{ traces(filter: {status: [FAILED, TIMED_OUT]}, orderBy: {field: COST, direction: DESC}) { totalCount nodes { id name cost errorMessage agent { name } } } }',
    ),
    '\nOne of them as a tree:\n',
    curl(
      `{ trace(id: "${id}") { name status cost durationMs rootSpans { ...S children { ...S children { ...S children { ...S } } } } } } fragment S on Span { kind name status durationMs cost }`,
    ),
  ].join('\n')
}
