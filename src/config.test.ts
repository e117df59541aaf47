import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'
import { StartError } from './errors.ts'

const secret = Buffer.alloc(32, 7).toString('base64')
const operatorKey = `tm_operator_${'a'.repeat(40)}`

/** The lines of the one message, without its heading. */
function problemsOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(environment)
  } catch (error) {
    expect(error).toBeInstanceOf(StartError)
    const [heading, ...problems] = (error as Error).message.split('\n')
    expect(heading).toBe('The configuration is wrong:')
    return problems.map((problem) => problem.trim())
  }
  return []
}

describe('the configuration', () => {
  test('with nothing set is that of one process on its own', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 4000,
      dataFolder: resolve('.data'),
      databaseUrl: null,
      redisUrl: null,
      operatorKey: null,
      secret: null,
      workers: 'inline',
      logLevel: 'info',
      databaseWaitMs: 30_000,
      limits: {
        bodyBytes: 10_485_760,
        ingestSpans: 1_000,
        feedHours: 72,
        queryDepth: 30,
        queryAliases: 50,
        queryTokens: 4_000,
        queryComplexity: 50_000,
        pageSize: 100,
        operationMs: 30_000,
        requestsPerMinute: 6_000,
        runs: 4,
        subscriptionsPerKey: 1_000,
        subscriptionsPerConnection: 100,
      },
      models: { providers: [], mayBePrivate: false, firstByteMs: 60_000, totalMs: 600_000 },
      embeddings: null,
    })
  })

  test('has another encoder where one is named, whole', () => {
    const given = { TRACEMEND_EMBEDDINGS_URL: 'http://127.0.0.1:1/v1', TRACEMEND_EMBEDDINGS_MODEL: 'm' }
    expect(readConfig(given).embeddings).toEqual({ baseUrl: 'http://127.0.0.1:1/v1', model: 'm', apiKey: null })
    expect(readConfig({ ...given, TRACEMEND_EMBEDDINGS_KEY: 'k' }).embeddings?.apiKey).toBe('k')
    const half = ['TRACEMEND_EMBEDDINGS_URL, TRACEMEND_EMBEDDINGS_MODEL: expected both or neither']
    expect(problemsOf({ TRACEMEND_EMBEDDINGS_URL: given.TRACEMEND_EMBEDDINGS_URL })).toEqual(half)
    expect(problemsOf({ TRACEMEND_EMBEDDINGS_MODEL: 'm' })).toEqual(half)
  })

  test('has a provider for each key, and those that are listed', () => {
    const own = { baseUrl: null, mayBePrivate: true }
    const { models } = readConfig({
      OPENAI_API_KEY: 'o',
      OPENAI_BASE_URL: 'https://proxy.example/v1',
      ANTHROPIC_API_KEY: 'a',
      GOOGLE_GENERATIVE_AI_API_KEY: 'g',
      TRACEMEND_PROVIDERS:
        '{"ollama":{"baseUrl":"http://127.0.0.1:11434/v1"},"vllm":{"baseUrl":"https://v","apiKey":"k"}}',
      TRACEMEND_PRIVATE_PROVIDERS: 'allow',
    })
    expect(models).toMatchObject({ mayBePrivate: true })
    expect(models.providers).toEqual([
      { ...own, name: 'openai', type: 'OPENAI', baseUrl: 'https://proxy.example/v1', apiKey: 'o' },
      { ...own, name: 'anthropic', type: 'ANTHROPIC', apiKey: 'a' },
      { ...own, name: 'google', type: 'GOOGLE', apiKey: 'g' },
      { ...own, name: 'ollama', type: 'OPENAI_COMPATIBLE', baseUrl: 'http://127.0.0.1:11434/v1', apiKey: null },
      { ...own, name: 'vllm', type: 'OPENAI_COMPATIBLE', baseUrl: 'https://v', apiKey: 'k' },
    ])
  })

  test.each(['no JSON', '[]', '{"A b":{"baseUrl":"http://x"}}', '{"a":{"baseUrl":"ftp://x","apiKey":"sk-hidden"}}'])(
    'refuses the providers %s, without repeating them',
    (TRACEMEND_PROVIDERS) => {
      const read = () => readConfig({ TRACEMEND_PROVIDERS })
      expect(read).toThrow(/TRACEMEND_PROVIDERS: expected JSON such as/)
      expect(read).not.toThrow(/sk-hidden/)
    },
  )

  test('takes what is set, and what is empty for not set', () => {
    const config = readConfig({
      HOST: '::',
      PORT: '0',
      TRACEMEND_DATA: '/srv/data',
      DATABASE_URL: 'postgresql://u:p@db/tracemend?sslmode=require',
      REDIS_URL: 'rediss://cache:6380',
      TRACEMEND_SECRET: secret,
      TRACEMEND_OPERATOR_KEY: operatorKey,
      TRACEMEND_WORKERS: 'none',
      TRACEMEND_LOG_LEVEL: '',
      TRACEMEND_MAX_REQUESTS_PER_MINUTE: '0',
    })
    expect(config).toMatchObject({
      host: '::',
      port: 0,
      dataFolder: '/srv/data',
      databaseUrl: 'postgresql://u:p@db/tracemend?sslmode=require',
      redisUrl: 'rediss://cache:6380',
      secret: Buffer.alloc(32, 7),
      operatorKey,
      workers: 'none',
      logLevel: 'info',
      limits: { requestsPerMinute: 0 },
    })
  })

  test('leaves settings of others and of our clients alone', () => {
    expect(readConfig({ PATH: '/bin', TRACEMENDER: '1', TRACEMEND_KEY: 'x', TRACEMEND_URL: 'y' })).toEqual(
      readConfig({}),
    )
  })

  test('says all that is wrong in one message, each with its name, what was expected and what was found', () => {
    const problems = problemsOf({
      PORT: '70000',
      REDIS_URL: 'http://cache',
      TRACEMEND_WORKERS: 'many',
      TRACEMEND_LOG_LEVEL: 'loud',
      TRACEMEND_MAX_PAGE_SIZE: '10k',
      TRACEMEND_MAX_BODY_SIZE: '1',
      DATABASE_URL: 'postgres://db/tracemend',
    })
    expect(problems.sort()).toEqual([
      'PORT: expected a whole number from 0 to 65535, got "70000"',
      'REDIS_URL: expected a URL that begins with redis:// or rediss://',
      'TRACEMEND_LOG_LEVEL: expected one of fatal, error, warn, info, debug, trace, silent, got "loud"',
      'TRACEMEND_MAX_BODY_SIZE: there is no such setting',
      'TRACEMEND_MAX_PAGE_SIZE: expected a whole number from 1 to 10000, got "10k"',
      'TRACEMEND_SECRET: required with DATABASE_URL, the same in every process; `openssl rand -base64 32` makes one',
      'TRACEMEND_WORKERS: expected one of inline, none, got "many"',
    ])
  })

  test.each([['-1'], ['4000.5'], ['0x10'], [' 80'], ['65536'], ['99999999999999999999']])(
    'PORT can not be "%s"',
    (PORT) => {
      expect(problemsOf({ PORT })).toEqual([`PORT: expected a whole number from 0 to 65535, got "${PORT}"`])
    },
  )

  test('never repeats a secret that it refuses', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      REDIS_URL: 'hunter2',
      TRACEMEND_SECRET: 'hunter2',
      TRACEMEND_OPERATOR_KEY: 'tm_hunter2_hunter2',
    })
    expect(problems).toHaveLength(4)
    expect(problems.join()).not.toContain('hunter2')
  })

  test.each([
    ['too short', Buffer.alloc(31).toString('base64')],
    ['too long', Buffer.alloc(33).toString('base64')],
    ['hexadecimal', Buffer.alloc(32).toString('hex')],
  ])('TRACEMEND_SECRET is refused that is %s', (_, wrong) => {
    expect(problemsOf({ TRACEMEND_SECRET: wrong })).toEqual([
      'TRACEMEND_SECRET: expected 32 bytes in base64, as `openssl rand -base64 32` prints them',
    ])
  })
})
