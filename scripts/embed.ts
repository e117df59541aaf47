/** Vectors of the model that is set now, for all records: `npm run embed -- --help` says what it does. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Config, readConfig } from '../src/config.ts'
import { StartError, UnavailableError } from '../src/errors.ts'
import { createClosers } from '../src/infra/closers.ts'
import { createLogger } from '../src/infra/logger.ts'
import { migrate } from '../src/infra/migrate.ts'
import { createPool } from '../src/infra/postgres.ts'
import { createEncoder } from '../src/models/create-encoder.ts'
import { createReasoningEmbedding } from '../src/reasoning/reasoning-embedding.service.ts'
import {
  createReasoningVectorRepository,
  firstPlace,
  type RecordPlace,
} from '../src/reasoning/reasoning-vector.repository.ts'
import { findDatabase } from './database.ts'
import { createProgress } from './progress.ts'

const usage = `Makes vectors of the model that is set now, for all records that have none of it.

  npm run embed

It takes no arguments: the model is set by TRACEMEND_EMBEDDINGS_*. It is needed once after a change of these, since vectors
of different models are never compared. The program may run meanwhile, and helps if it has the same settings. At the end the
vectors of other models are removed, of what has a new one. It may be broken off, and run again.

The database is found as by \`npm start\`: DATABASE_URL with TRACEMEND_SECRET, or the data folder (TRACEMEND_DATA, .data
unless said), whether the server runs or not.`

const logger = createLogger('warn')
const closers = createClosers(logger)
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new StartError('Broken off.')))

try {
  const [given] = process.argv.slice(2)
  if (given === '--help' || given === '-h') console.log(usage)
  else if (given === undefined) await embedAll(readConfig())
  else throw new StartError(`This takes no arguments, got "${given}": its settings are TRACEMEND_EMBEDDINGS_*.`)
} catch (error) {
  if (!(error instanceof StartError || error instanceof UnavailableError)) throw error
  console.error(error.message)
  process.exitCode = 1
} finally {
  await closers.close()
}

async function embedAll(config: Config): Promise<void> {
  const { url: databaseUrl } = await findDatabase(config, closers, logger)
  await migrate(databaseUrl, logger)
  const pool = createPool({ databaseUrl, operationMs: 600_000, logger })
  closers.add('database pool', () => pool.end())
  const encoder = createEncoder(config.embeddings)
  closers.add('encoder', () => encoder.close())
  const vectors = createReasoningVectorRepository(pool)

  for (let place: RecordPlace | null = firstPlace; place; ) place = (await vectors.markDue(encoder.model, place)).next
  const { all: total } = await vectors.countDue()
  console.log(`${total.toLocaleString('en')} records have no vector of ${encoder.model}.`)

  const progress = createProgress({
    total,
    lines: 10,
    text(done, seconds) {
      const left = done > 0 ? `, ${Math.ceil(((total - done) * seconds) / done / 60)} min left` : ''
      return `${done.toLocaleString('en')} of ${total.toLocaleString('en')} records${left}`
    },
  })
  const show = async () => progress.show(total - (await vectors.countDue()).all)
  let failure: unknown = null
  const embedding = createReasoningEmbedding({
    vectors,
    encoder,
    queue: { add: async () => {} },
    outage: {
      began(error) {
        failure = error
      },
      ended() {},
    },
    onError: (error) => progress.say(`A record could not be embedded: ${(error as Error).message}`),
  })
  try {
    do {
      await embedding.embedDue(stop.signal, () => void show().catch(() => {}))
      await show()
      // The rest is what a worker of the program is at.
    } while (!failure && (await vectors.countDue()).open > 0 && (await pause(500, true, { signal: stop.signal })))
  } finally {
    progress.end()
  }
  if (failure) throw new StartError(`The encoder failed: ${(failure as Error).message}`)

  let removed = 0
  for (let some = -1; some !== 0; removed += some) some = await vectors.removeOthers(encoder.model)
  const { all: left } = await vectors.countDue()
  console.log(`Done; ${removed.toLocaleString('en')} vectors of other models were removed.`)
  if (left > 0) throw new StartError(`${left.toLocaleString('en')} records are left: the program tries them again.`)
}
