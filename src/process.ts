import { type Config, readConfig } from './config.ts'
import { StartError, UnavailableError } from './errors.ts'
import { type Closers, createClosers } from './infra/closers.ts'
import { openDatabase } from './infra/database.ts'
import { createLogger, type Logger } from './infra/logger.ts'
import type { Resources } from './resources.ts'
import { firstKeyNotice } from './welcome.ts'

/**
 * The life of a process of ours: configuration, resources, its work, a signal, release in the reverse order, exit 0.
 * What keeps it from starting is said in one message, without a stack, and exits 1. A bug that nobody caught, or the
 * loss of our own PostgreSQL, ends it in order too, and exits 1. A signal that comes while it ends already is ignored
 * for a moment (npm passes on what the terminal has sent to all) and then ends it at once.
 */
export interface ProcessContext {
  config: Config
  logger: Logger
  closers: Closers
  resources: Resources
}

const patienceMs = 2_000

/** `refuse` throws where the work can't be done with such a configuration: before anything is opened. */
export async function runProcess(
  work: (context: ProcessContext) => Promise<void>,
  refuse: (config: Config) => void = () => {},
): Promise<void> {
  const startedAt = Date.now()
  const config = orExit(() => {
    const read = readConfig()
    refuse(read)
    return read
  })
  const logger = createLogger(config.logLevel)
  const closers = createClosers(logger)
  let endingSince: number | undefined

  async function end(code: number): Promise<void> {
    if (endingSince !== undefined) {
      if (Date.now() - endingSince > patienceMs) process.exit(1)
      return
    }
    endingSince = Date.now()
    await closers.close()
    process.exit(code)
  }

  // SIGHUP: its terminal was closed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0))
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'a bug that nobody caught; the process ends')
    void end(1)
  })

  try {
    const onLost = (reason: string) => {
      logger.fatal({ reason }, 'the database was lost; the process ends')
      void end(1)
    }
    // The larger part of the program is loaded while PostgreSQL starts.
    const [database, { openResources }] = await Promise.all([
      openDatabase({ config, logger, closers, onLost }),
      import('./resources.ts'),
    ])
    const onFirstKey = (key: string) => void process.stdout.write(firstKeyNotice(key))
    const resources = await openResources({ config, logger, closers, database, onFirstKey })
    await work({ config, logger, closers, resources })
    logger.debug({ ms: Date.now() - startedAt }, 'started')
  } catch (error) {
    if (endingSince !== undefined) return
    sayWhy(error)
    await end(1)
  }
}

function orExit(read: () => Config): Config {
  try {
    return read()
  } catch (error) {
    sayWhy(error)
    return process.exit(1)
  }
}

function sayWhy(error: unknown): void {
  const text = isOperators(error) ? error.message : ((error as Error).stack ?? String(error))
  process.stderr.write(`\nTracemend could not start.\n${text}\n\n`)
}

/** Something that whoever starts us can mend: no bug of ours, so no stack. */
function isOperators(error: unknown): error is Error {
  return error instanceof StartError || error instanceof UnavailableError
}
