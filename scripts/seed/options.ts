import { parseArgs } from 'node:util'

export interface Options {
  traces: number
  seed: number
  until: Date
  url: string
  key: string
}

export const usage = `Fills a tenant of a running Tracemend with what a shop's agents did in two weeks.

  TRACEMEND_KEY=tm_... npm run seed -- [options]

  --traces N    how many traces: 1000 unless said
  --seed N      another number makes other traces: 1 unless said
  --until ISO   when the two weeks end: now unless said
  --help        this

The same --seed and --until give the same traces with the same ids: sent again, they change nothing.

  TRACEMEND_URL   where it runs: http://127.0.0.1:4000 unless said
  TRACEMEND_KEY   a key with the scope INGEST: the first start printed one`

/** What was wrong with how it was called. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Null: only the usage was asked for. */
export function readOptions(given: string[], environment: NodeJS.ProcessEnv): Options | null {
  const { traces, seed, until, help } = parse(given)
  if (help) return null
  const options = {
    traces: wholeOf('--traces', traces, 1, 10_000_000),
    seed: wholeOf('--seed', seed, 0, Number.MAX_SAFE_INTEGER),
    until: momentOf(until),
    url: (environment.TRACEMEND_URL || 'http://127.0.0.1:4000').replace(/\/(graphql|ingest)?\/?$/, ''),
  }
  if (!URL.canParse(options.url)) throw new UsageError(`TRACEMEND_URL is an address; got "${options.url}".`)
  const key = environment.TRACEMEND_KEY
  if (!key) {
    throw new UsageError(
      'TRACEMEND_KEY is missing: set it to the key that the first `npm start` printed, or to another with the scope ' +
        'INGEST:\n\n  export TRACEMEND_KEY=tm_...\n  npm run seed -- --traces 1000',
    )
  }
  return { ...options, key }
}

function parse(given: string[]) {
  try {
    const text = { type: 'string' } as const
    const known = {
      traces: { ...text, default: '1000' },
      seed: { ...text, default: '1' },
      until: { ...text, default: new Date().toISOString() },
      help: { type: 'boolean', short: 'h', default: false },
    } as const
    return parseArgs({ args: given, options: known, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`)
  }
}

function wholeOf(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw new UsageError(`${name} is a whole number from ${least} to ${most}; got "${text}".\n\n${usage}`)
}

function momentOf(text: string): Date {
  const moment = new Date(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(moment.getTime())) return moment
  throw new UsageError(`--until is a moment such as 2026-11-21T09:30:00Z; got "${text}".\n\n${usage}`)
}
