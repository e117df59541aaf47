import { resolve } from 'node:path'
import { z } from 'zod'
import { StartError } from './errors.ts'
import { type LogLevel, logLevels } from './infra/logger.ts'
import { parseApiKey } from './tenants/api-key.ts'

/**
 * The only reader of the environment. All problems are reported together, each with the setting's name, what was
 * expected and, unless it is a secret, what was found. What is off is `null`.
 */
export interface Config {
  host: string
  port: number
  dataFolder: string
  /** Null: an embedded PostgreSQL is started in the data folder. */
  databaseUrl: string | null
  /** Null: queue and bus run on PostgreSQL. */
  redisUrl: string | null
  operatorKey: string | null
  /** 32 bytes. Null: made and kept in the data folder. */
  secret: Buffer | null
  workers: 'inline' | 'none'
  logLevel: LogLevel
  databaseWaitMs: number
  limits: Limits
}

export interface Limits {
  bodyBytes: number
  queryDepth: number
  queryAliases: number
  queryTokens: number
  queryComplexity: number
  pageSize: number
  operationMs: number
  /** Zero: no limit. */
  requestsPerMinute: number
  subscriptionsPerKey: number
  subscriptionsPerConnection: number
  /** Of a request, and as many traces. */
  ingestSpans: number
  /** How long the feed keeps an event. */
  feedHours: number
}

/** Every setting, with what it defaults to. README lists the same; a test compares. */
export const settings = {
  HOST: text().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(4000),
  TRACEMEND_DATA: text().default('.data'),
  DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  REDIS_URL: url(['redis:', 'rediss:']).optional(),
  TRACEMEND_OPERATOR_KEY: z
    .string()
    .refine(
      (key) => parseApiKey(key) !== null,
      'expected tm_<id>_<secret>: an id of 4 to 40 of a-z0-9, a secret of at least 40 of A-Za-z0-9',
    )
    .optional(),
  TRACEMEND_SECRET: z
    .string()
    .transform((value) => Buffer.from(value, 'base64'))
    .refine((bytes) => bytes.length === 32, 'expected 32 bytes in base64, as `openssl rand -base64 32` prints them')
    .optional(),
  TRACEMEND_WORKERS: z.enum(['inline', 'none']).default('inline'),
  TRACEMEND_LOG_LEVEL: z.enum(logLevels).default('info'),
  TRACEMEND_DATABASE_WAIT_MS: wholeNumber(0, 600_000).default(30_000),
  TRACEMEND_MAX_BODY_BYTES: wholeNumber(1_000, 1_000_000_000).default(10_485_760),
  TRACEMEND_MAX_QUERY_DEPTH: wholeNumber(1, 1_000).default(30),
  TRACEMEND_MAX_QUERY_ALIASES: wholeNumber(0, 10_000).default(50),
  TRACEMEND_MAX_QUERY_TOKENS: wholeNumber(10, 100_000).default(4_000),
  TRACEMEND_MAX_QUERY_COMPLEXITY: wholeNumber(1, 1_000_000_000).default(50_000),
  TRACEMEND_MAX_PAGE_SIZE: wholeNumber(1, 10_000).default(100),
  TRACEMEND_MAX_OPERATION_MS: wholeNumber(10, 3_600_000).default(30_000),
  TRACEMEND_MAX_REQUESTS_PER_MINUTE: wholeNumber(0, 1_000_000_000).default(6_000),
  TRACEMEND_MAX_SUBSCRIPTIONS_PER_KEY: wholeNumber(1, 1_000_000).default(1_000),
  TRACEMEND_MAX_SUBSCRIPTIONS_PER_CONNECTION: wholeNumber(1, 1_000_000).default(100),
  TRACEMEND_MAX_INGEST_SPANS: wholeNumber(1, 100_000).default(1_000),
  TRACEMEND_FEED_HOURS: wholeNumber(1, 8_760).default(72),
}

/** Clients of ours use these in the same shell; they configure no server. */
const clientSettings = new Set(['TRACEMEND_KEY', 'TRACEMEND_URL'])
const secretSettings = new Set(['TRACEMEND_OPERATOR_KEY', 'TRACEMEND_SECRET', 'DATABASE_URL', 'REDIS_URL'])

export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  // `PORT= npm start` unsets a setting, as people mean it.
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const parsed = z.object(settings).safeParse(given)
  const problems = unknownSettings(given)
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describe(issue, given)))
  if (given.DATABASE_URL && !given.TRACEMEND_SECRET) {
    problems.push(
      'TRACEMEND_SECRET: required with DATABASE_URL, the same in every process; `openssl rand -base64 32` makes one',
    )
  }
  if (problems.length > 0 || !parsed.success) {
    throw new StartError(`The configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
  }
  return shape(parsed.data)
}

function shape(value: z.infer<z.ZodObject<typeof settings>>): Config {
  return {
    host: value.HOST,
    port: value.PORT,
    dataFolder: resolve(value.TRACEMEND_DATA),
    databaseUrl: value.DATABASE_URL ?? null,
    redisUrl: value.REDIS_URL ?? null,
    operatorKey: value.TRACEMEND_OPERATOR_KEY ?? null,
    secret: value.TRACEMEND_SECRET ?? null,
    workers: value.TRACEMEND_WORKERS,
    logLevel: value.TRACEMEND_LOG_LEVEL,
    databaseWaitMs: value.TRACEMEND_DATABASE_WAIT_MS,
    limits: {
      bodyBytes: value.TRACEMEND_MAX_BODY_BYTES,
      queryDepth: value.TRACEMEND_MAX_QUERY_DEPTH,
      queryAliases: value.TRACEMEND_MAX_QUERY_ALIASES,
      queryTokens: value.TRACEMEND_MAX_QUERY_TOKENS,
      queryComplexity: value.TRACEMEND_MAX_QUERY_COMPLEXITY,
      pageSize: value.TRACEMEND_MAX_PAGE_SIZE,
      operationMs: value.TRACEMEND_MAX_OPERATION_MS,
      requestsPerMinute: value.TRACEMEND_MAX_REQUESTS_PER_MINUTE,
      subscriptionsPerKey: value.TRACEMEND_MAX_SUBSCRIPTIONS_PER_KEY,
      subscriptionsPerConnection: value.TRACEMEND_MAX_SUBSCRIPTIONS_PER_CONNECTION,
      ingestSpans: value.TRACEMEND_MAX_INGEST_SPANS,
      feedHours: value.TRACEMEND_FEED_HOURS,
    },
  }
}

function text() {
  return z.string().min(1)
}

function wholeNumber(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d+$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected)
}

function url(protocols: string[]) {
  return z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `expected a URL that begins with ${protocols.join('// or ')}//`,
    )
}

function unknownSettings(given: Record<string, unknown>): string[] {
  return Object.keys(given)
    .filter((name) => name.startsWith('TRACEMEND_') && !(name in settings) && !clientSettings.has(name))
    .map((name) => `${name}: there is no such setting`)
}

function describe(issue: z.core.$ZodIssue, given: Record<string, unknown>): string {
  const name = String(issue.path[0])
  const found = secretSettings.has(name) ? '' : `, got ${JSON.stringify(given[name])}`
  const expected = issue.code === 'invalid_value' ? `expected one of ${issue.values.join(', ')}` : issue.message
  return `${name}: ${expected}${found}`
}
