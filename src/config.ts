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
  models: ModelSettings
  /** Null: the encoder that is built in. */
  embeddings: EmbeddingSettings | null
}

/** Where texts are turned into vectors, by any service that speaks as OpenAI does. */
export interface EmbeddingSettings {
  baseUrl: string
  model: string
  apiKey: string | null
}

/** Where models answer, and how long they may take. */
export interface ModelSettings {
  /** The operator's, for every tenant. */
  providers: OwnProvider[]
  /** Whether the providers that tenants set may be in private networks. */
  mayBePrivate: boolean
  firstByteMs: number
  totalMs: number
}

interface OwnProvider {
  name: string
  type: 'OPENAI' | 'ANTHROPIC' | 'GOOGLE' | 'OPENAI_COMPATIBLE'
  baseUrl: string | null
  apiKey: string | null
  mayBePrivate: true
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
  /** Of a tenant at once; others wait. */
  runs: number
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
  OPENAI_API_KEY: text().optional(),
  OPENAI_BASE_URL: url(['http:', 'https:']).optional(),
  ANTHROPIC_API_KEY: text().optional(),
  GOOGLE_GENERATIVE_AI_API_KEY: text().optional(),
  TRACEMEND_PROVIDERS: z.string().transform(readProviders).optional(),
  TRACEMEND_PRIVATE_PROVIDERS: z.enum(['refuse', 'allow']).default('refuse'),
  TRACEMEND_MAX_RUNS: wholeNumber(1, 1_000).default(4),
  TRACEMEND_RUN_FIRST_BYTE_MS: wholeNumber(10, 3_600_000).default(60_000),
  TRACEMEND_RUN_TOTAL_MS: wholeNumber(10, 3_600_000).default(600_000),
  TRACEMEND_EMBEDDINGS_URL: url(['http:', 'https:']).optional(),
  TRACEMEND_EMBEDDINGS_MODEL: text().optional(),
  TRACEMEND_EMBEDDINGS_KEY: text().optional(),
}

/** Clients of ours use these in the same shell; they configure no server. */
const clientSettings = new Set(['TRACEMEND_KEY', 'TRACEMEND_URL'])
const modelKeys = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY', 'TRACEMEND_PROVIDERS']
const secretSettings = new Set([
  ...['TRACEMEND_OPERATOR_KEY', 'TRACEMEND_SECRET', 'DATABASE_URL', 'REDIS_URL'],
  ...modelKeys,
  'TRACEMEND_EMBEDDINGS_KEY',
])

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
  if (Boolean(given.TRACEMEND_EMBEDDINGS_URL) !== Boolean(given.TRACEMEND_EMBEDDINGS_MODEL)) {
    problems.push('TRACEMEND_EMBEDDINGS_URL, TRACEMEND_EMBEDDINGS_MODEL: expected both or neither')
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
      runs: value.TRACEMEND_MAX_RUNS,
    },
    models: {
      providers: [...wellKnown(value), ...(value.TRACEMEND_PROVIDERS ?? [])],
      mayBePrivate: value.TRACEMEND_PRIVATE_PROVIDERS === 'allow',
      firstByteMs: value.TRACEMEND_RUN_FIRST_BYTE_MS,
      totalMs: value.TRACEMEND_RUN_TOTAL_MS,
    },
    embeddings: embeddingsOf(value),
  }
}

function embeddingsOf(value: z.infer<z.ZodObject<typeof settings>>): EmbeddingSettings | null {
  const { TRACEMEND_EMBEDDINGS_URL: baseUrl, TRACEMEND_EMBEDDINGS_MODEL: model } = value
  if (baseUrl === undefined || model === undefined) return null
  return { baseUrl, model, apiKey: value.TRACEMEND_EMBEDDINGS_KEY ?? null }
}

/** Those that are there as soon as their key is. */
function wellKnown(value: z.infer<z.ZodObject<typeof settings>>): OwnProvider[] {
  const own = (name: string, type: OwnProvider['type'], apiKey: string | undefined, baseUrl?: string): OwnProvider[] =>
    apiKey === undefined ? [] : [{ name, type, baseUrl: baseUrl ?? null, apiKey, mayBePrivate: true }]
  return [
    ...own('openai', 'OPENAI', value.OPENAI_API_KEY, value.OPENAI_BASE_URL),
    ...own('anthropic', 'ANTHROPIC', value.ANTHROPIC_API_KEY),
    ...own('google', 'GOOGLE', value.GOOGLE_GENERATIVE_AI_API_KEY),
  ]
}

const providersShape = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9._-]{0,49}$/),
  z.strictObject({ baseUrl: z.url({ protocol: /^https?$/ }), apiKey: z.string().min(1).optional() }),
)

function readProviders(json: string, context: z.RefinementCtx): OwnProvider[] {
  const wrong = 'expected JSON such as {"ollama": {"baseUrl": "http://127.0.0.1:11434/v1", "apiKey": "..."}}'
  try {
    const given = providersShape.parse(JSON.parse(json))
    return Object.entries(given).map(([name, { baseUrl, apiKey }]) => ({
      name,
      type: 'OPENAI_COMPATIBLE',
      baseUrl,
      apiKey: apiKey ?? null,
      mayBePrivate: true,
    }))
  } catch {
    context.addIssue({ code: 'custom', message: wrong })
    return z.NEVER
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
