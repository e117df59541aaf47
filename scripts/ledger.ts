/**
 * What an operator does with the ledgers: other keys, a file of one, its head. `npm run ledger -- --help` says how.
 * Works beside a running server, and without one.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Pool } from 'pg'
import { readConfig } from '../src/config.ts'
import { StartError } from '../src/errors.ts'
import { createClosers } from '../src/infra/closers.ts'
import { createLogger } from '../src/infra/logger.ts'
import { createPool } from '../src/infra/postgres.ts'
import { createSecretBox } from '../src/infra/secret-box.ts'
import { createLedgerRepository } from '../src/reasoning/ledger.repository.ts'
import { exportHeader, exportLine } from '../src/reasoning/ledger-export.ts'
import { createLedgerKeyRepository } from '../src/reasoning/ledger-key.repository.ts'
import { createLedgerKeyBox } from '../src/reasoning/ledger-key.service.ts'
import { findDatabase } from './database.ts'
import { type Command, readCommand, UsageError, usage } from './ledger/options.ts'

/** No statement of these takes long, however large a ledger is. */
const statementMs = 60_000
const ledgersAtOnce = 100

interface Place {
  pool: Pool
  secret: Buffer
}

try {
  const command = readCommand(process.argv.slice(2))
  if (command) await withDatabase((place) => run(command, place))
  else console.log(usage)
} catch (error) {
  if (!(error instanceof UsageError || error instanceof StartError)) throw error
  console.error(error.message)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

async function withDatabase(work: (place: Place) => Promise<void>): Promise<void> {
  const config = readConfig()
  const logger = createLogger('warn')
  const closers = createClosers(logger)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void closers.close().then(() => process.exit(1)))
  }
  try {
    const { url, secret } = await findDatabase(config, closers, logger)
    const pool = createPool({ databaseUrl: url, operationMs: statementMs, logger })
    closers.add('database pool', () => pool.end())
    await requireTables(pool)
    await work({ pool, secret })
  } finally {
    await closers.close()
  }
}

async function requireTables(pool: Pool): Promise<void> {
  const { rows } = await pool.query(`select to_regclass('ledger_keys') is not null as "areThere"`)
  if (!rows[0].areThere) throw new StartError('This database has no ledgers yet: start Tracemend once (npm start).')
}

function run(command: Command, place: Place): Promise<void> {
  if (command.name === 'rotate') return rotate(command.tenant, place)
  if (command.name === 'head') return showHead(command.tenant, place)
  return writeLedger(command.tenant, command.file, place)
}

async function rotate(slug: string | null, { pool, secret }: Place): Promise<void> {
  const keys = createLedgerKeyRepository(pool)
  const keyBox = createLedgerKeyBox({ secretBox: createSecretBox(secret) })
  let count = 0
  for await (const ledgerId of slug === null ? listLedgerIds(keys) : [await findLedgerId(pool, slug)]) {
    const { retiredId, id, at } = await keys.rotateKey(ledgerId, keyBox)
    console.log(`${ledgerId}  ${retiredId ?? 'no key'} -> ${id}  ${at.toISOString()}`)
    count++
  }
  console.log(`rotated ${count} key(s): what is written from now on is signed with the new one`)
}

async function* listLedgerIds(keys: ReturnType<typeof createLedgerKeyRepository>): AsyncGenerator<string> {
  for (let ids = await keys.listLedgerIds('', ledgersAtOnce); ids.length > 0; ) {
    yield* ids
    ids = await keys.listLedgerIds(ids.at(-1) ?? '', ledgersAtOnce)
  }
}

async function findLedgerId(pool: Pool, slug: string): Promise<string> {
  const { rows } = await pool.query('select id from tenants where slug = $1', [slug])
  if (!rows[0]) throw new StartError(`There is no tenant "${slug}".`)
  return rows[0].id
}

async function showHead(slug: string, { pool }: Place): Promise<void> {
  const head = await createLedgerRepository(pool).findHead(await findLedgerId(pool, slug))
  if (!head || head.sequence === 0) throw new StartError(`The ledger of "${slug}" is empty: nothing to keep yet.`)
  console.log(`${head.sequence}:${head.hash}`)
}

async function writeLedger(slug: string, file: string | null, place: Place): Promise<void> {
  const ledgerId = await findLedgerId(place.pool, slug)
  if (file === null) {
    await writeTo(process.stdout, ledgerId, place).catch((error: NodeJS.ErrnoException) => {
      // Who read it has enough of it.
      if (error.code !== 'EPIPE') throw error
    })
    return
  }
  // Under another name until it is whole: half a ledger would be taken for one that was cut. Nobody else may read it:
  // all that was reasoned is in it.
  const unfinished = `${file}.unfinished`
  let stream: Writable | undefined
  try {
    await rm(unfinished, { force: true })
    stream = createWriteStream(unfinished, { flags: 'wx', mode: 0o600 })
    const count = await writeTo(stream, ledgerId, place)
    stream.end()
    await finished(stream)
    await rename(unfinished, file)
    console.error(`wrote ${count} entries to ${file}; verify them with: npx tsx examples/verify-ledger.ts ${file}`)
  } catch (error) {
    stream?.destroy()
    await rm(unfinished, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    throw code?.startsWith('E') ? new StartError(`${file} can't be written: ${message}`) : error
  }
}

async function writeTo(stream: Writable, ledgerId: string, { pool }: Place): Promise<number> {
  let count = 0
  const failed = once(stream, 'error').then(([error]) => Promise.reject(error))
  failed.catch(() => {})
  async function write(line: string): Promise<void> {
    if (!stream.write(line)) await Promise.race([once(stream, 'drain'), failed])
  }
  await createLedgerRepository(pool).readAll(ledgerId, {
    begin: (keys, head) => write(exportHeader({ ledgerId, keys, head, now: new Date() })),
    read(entry, content) {
      count++
      return write(exportLine(entry, content))
    },
  })
  return count
}
