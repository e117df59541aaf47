import { once } from 'node:events'
import http from 'node:http'
import { hostname } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  CreatePlaygroundSessionDocument,
  DeletePlaygroundSessionDocument,
  DeleteTracesDocument,
  PlaygroundRunEventsDocument,
  UpdatePlaygroundModelDocument,
  ViewerDocument,
  WholeTraceDocument,
} from './generated/documents.ts'
import { withDatabase } from './harness/database.ts'
import { createGraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest } from './harness/ingest.ts'
import { transports } from './harness/live-client.ts'
import { answerEvents, jsonAnswer, type ModelServer, startModelServer, wholeAnswer } from './harness/model-server.ts'
import {
  type HesitantServer,
  isToldTheEnd,
  type Playing,
  playWith,
  startHesitantServer,
  textOf,
} from './harness/playing.ts'
import { createPostgres, type TestPostgres } from './harness/postgres.ts'
import { createPrograms, type Program, type Programs, settingsOf } from './harness/program.ts'
import { saying } from './harness/prompt.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { createBackend, startTestApp, type TestApp, type TestBackend } from './harness/test-app.ts'
import { until, untilAtLast } from './harness/until.ts'

const free = { TRACEMEND_PRIVATE_PROVIDERS: 'allow', TRACEMEND_MAX_REQUESTS_PER_MINUTE: '0' }

function watchAll({ url }: { url: string }, key: string, runId: string) {
  return transports.map(({ subscribe }) => subscribe({ url, key }, PlaygroundRunEventsDocument, { runId }))
}

describe('a worker process', { timeout: 180_000 }, () => {
  let backend: TestBackend
  let app: TestApp
  let programs: Programs
  let tenant: TestTenant
  let playing: Playing
  let server: HesitantServer

  beforeAll(async () => {
    backend = await createBackend()
    app = await startTestApp({ backend })
    programs = await createPrograms()
    tenant = await makeTenant(app)
    playing = playWith(tenant.client)
  }, 120_000)
  afterEach(() => server.close())
  afterAll(async () => {
    await programs.end()
    await app.close()
    await backend.close()
  })

  async function startWorker(): Promise<Program> {
    const worker = programs.start({ ...settingsOf(backend), ...free }, 'workers/main.ts')
    await until(() => worker.stdout.includes('works off jobs'))
    return worker
  }

  async function startRun() {
    server = await startHesitantServer()
    await playing.setProvider(server.url)
    const runId = await playing.start(await playing.open())
    const watching = watchAll(app, tenant.key, runId)
    await until(() => watching.every((each) => textOf(each) === server.half))
    return { runId, watching }
  }

  test('that is killed leaves a run that another one ends within a minute, and does not make again', async () => {
    const killed = await startWorker()
    const { runId, watching } = await startRun()
    const other = await startWorker()
    const since = Date.now()
    await killed.stop('SIGKILL')
    const ended = await untilAtLast(async () => (await playing.look(runId)).status !== 'RUNNING').then(() =>
      playing.look(runId),
    )
    expect(Date.now() - since).toBeLessThan(60_000)
    expect(ended).toMatchObject({
      status: 'FAILED',
      text: server.half,
      error: { code: 'WORKER_LOST', retryable: true },
      finishedAt: expect.any(String),
    })
    await until(async () => (await playing.look(runId)).trace?.status === 'FAILED')
    await until(() => watching.every((each) => each.ended))
    for (const each of watching) {
      expect(textOf(each)).toBe(server.half)
      expect(each.results.at(-1)?.data?.playgroundRunEvents).toMatchObject({ done: true, run: { status: 'FAILED' } })
    }
    // The queue gives the job of the one that died to the other.
    await untilAtLast(() => other.exitCode === null && app.queue.depth().then(({ active }) => active === 0))
    expect(server.requests).toHaveLength(1)
    expect(other.logged('failed for good')).toEqual([])
    expect(await other.stop()).toBe(0)
  })

  test('that is ended in order ends its run with what was said, and soon', async () => {
    const first = await startWorker()
    const { runId, watching } = await startRun()
    const since = Date.now()
    expect(await first.stop('SIGTERM')).toBe(0)
    expect(Date.now() - since).toBeLessThan(20_000)
    await server.requests[0]?.closed
    expect(await playing.look(runId)).toMatchObject({
      status: 'FAILED',
      text: server.half,
      error: { code: 'WORKER_LOST', retryable: true },
      trace: { status: 'FAILED' },
    })
    await until(() => watching.every((each) => each.ended))
    for (const each of watching) expect(textOf(each)).toBe(server.half)
    const second = await startWorker()
    await until(() => app.queue.depth().then(({ waiting, active }) => waiting + active === 0))
    expect(server.requests).toHaveLength(1)
    expect(await second.stop()).toBe(0)
    expect(first.logged('could not be released')).toEqual([])
  })
})

describe('where the database restarts in the middle of a run', { timeout: 180_000 }, () => {
  let postgres: TestPostgres
  let shared: TestBackend
  let app: TestApp
  let tenant: TestTenant
  let playing: Playing
  let server: HesitantServer

  beforeAll(async () => {
    postgres = await createPostgres()
    shared = await createBackend()
    const backend = { ...shared, database: { url: postgres.url, drop: async () => {} } }
    app = await startTestApp({ backend, workers: true, models: { mayBePrivate: true } })
    tenant = await makeTenant(app)
    playing = playWith(tenant.client)
  }, 120_000)
  afterEach(() => server.close())
  afterAll(async () => {
    await app.close()
    await shared.close()
    await postgres.end()
  })

  async function startRun() {
    server = await startHesitantServer()
    await playing.setProvider(server.url)
    const runId = await playing.start(await playing.open())
    const watching = watchAll(app, tenant.key, runId)
    await until(() => watching.every((each) => textOf(each) === server.half))
    return { runId, watching }
  }

  async function ended(runId: string) {
    return untilAtLast(async () => {
      const run = await playing.look(runId).catch(() => null)
      return run?.status !== 'RUNNING' && run
    })
  }

  test('and the model goes on after it: all is there, and whoever watches is told or sent back', async () => {
    const { runId, watching } = await startRun()
    await postgres.restart()
    await until(() =>
      playing
        .look(runId)
        .then(({ status }) => status === 'RUNNING')
        .catch(() => false),
    )
    server.sayTheRest()
    expect(await ended(runId)).toMatchObject({
      status: 'SUCCEEDED',
      text: server.whole,
      trace: { status: 'COMPLETED' },
    })
    await until(() => watching.every((each) => each.ended))
    expect(watching.map(isToldTheEnd), JSON.stringify(watching.map(({ results }) => results.at(-1)))).toEqual([
      true,
      true,
    ])
    for (const each of watching) expect(server.whole.startsWith(textOf(each))).toBe(true)
    expect(server.requests).toHaveLength(1)
  })

  test('and the model speaks meanwhile: that is told before the end, too', async () => {
    const { runId, watching } = await startRun()
    await postgres.restart(async () => {
      server.sayMore()
      let refused = 0
      await until(async () => {
        await playing.look(runId).catch(() => refused++)
        return refused > 20
      })
    })
    const said = server.half + server.more
    await until(() =>
      playing.look(runId).then(
        ({ text }) => text === said,
        () => false,
      ),
    )
    server.sayTheRest()
    expect(await ended(runId)).toMatchObject({ status: 'SUCCEEDED', text: server.whole })
    await until(() => watching.every((each) => each.ended))
    expect(watching.map(isToldTheEnd)).toEqual([true, true])
  })

  test('and the model is done meanwhile: the answer is kept, and recorded as a trace', async () => {
    const { runId, watching } = await startRun()
    await postgres.restart(async () => {
      const before = app.log.lines.length
      server.sayTheRest()
      await server.requests[0]?.closed
      // It has tried to store what it heard.
      await until(() => app.log.lines.slice(before).some(({ level }) => level >= 40))
    })
    expect(await ended(runId)).toMatchObject({ status: 'SUCCEEDED', text: server.whole })
    await until(() => watching.every((each) => each.ended))
    expect(watching.map(isToldTheEnd), JSON.stringify(watching.map(({ results }) => results.at(-1)))).toEqual([
      true,
      true,
    ])
    await until(async () => (await playing.look(runId)).trace?.status === 'COMPLETED')
    expect(server.requests).toHaveLength(1)
  })
})

describe("a tenant's provider in a private network", { timeout: 120_000 }, () => {
  let app: TestApp
  let playing: Playing
  let server: ModelServer
  let redirecting: ModelServer
  const overIpv6: string[] = []
  const ipv6 = http.createServer((request, response) => {
    overIpv6.push(request.url ?? '')
    response.end()
  })

  beforeAll(async () => {
    server = await startModelServer(wholeAnswer('OPENAI_COMPATIBLE'))
    redirecting = await startModelServer((response) => {
      response.writeHead(307, { location: `${server.url}/v1/chat/completions` }).end()
    })
    // Where there is no IPv6, nobody can be reached over it either.
    ipv6.listen(Number(new URL(server.url).port), '::1')
    await once(ipv6, 'listening').catch(() => {})
    const operators = { type: 'OPENAI_COMPATIBLE' as const, apiKey: null, mayBePrivate: true as const }
    app = await startTestApp({
      workers: true,
      models: { providers: [{ ...operators, name: 'redirecting', baseUrl: redirecting.url }] },
    })
    playing = playWith((await makeTenant(app)).client)
  })
  afterAll(async () => {
    await server.close()
    await redirecting.close()
    ipv6.close()
    await app.close()
  })

  test.each([
    'http://127.0.0.1:PORT',
    'http://localhost:PORT',
    'http://LOCALHOST.:PORT',
    'http://models.localhost:PORT',
    'http://[::1]:PORT',
    'http://[::ffff:127.0.0.1]:PORT',
    'http://[::ffff:7f00:1]:PORT',
    'http://[64:ff9b::7f00:1]:PORT',
    'http://[::]:PORT',
    'http://0.0.0.0:PORT',
    'http://0:PORT',
    'http://0x7f000001:PORT',
    'http://2130706433:PORT',
    'http://0177.0.0.1:PORT',
    'http://127.1:PORT',
    'http://127.0.0.1%2f@127.0.0.1:PORT',
    'http://169.254.169.254',
    'http://[fd00:ec2::254]',
    'http://10.0.0.1',
    'http://100.100.100.200',
    'http://no-such-host.invalid:PORT',
  ])('at %s is never called', async (address) => {
    const { port } = new URL(server.url)
    const isRefused = await playing.setProvider(address.replace('PORT', port)).catch(() => 'refused')
    if (isRefused) return expect(address).toContain('@')
    const run = await playing.ended(await playing.start(await playing.open()))
    const code = address.includes('.invalid') ? 'UNREACHABLE' : 'FORBIDDEN_ADDRESS'
    expect(run).toMatchObject({ status: 'FAILED', text: '', error: { code, statusCode: null } })
    expect(server.requests).toEqual([])
    expect(overIpv6).toEqual([])
  })

  test('at the name of this machine is never called, and no answer says where that is', async () => {
    await playing.setProvider(`http://${hostname()}:${new URL(server.url).port}`)
    const { status, error } = await playing.ended(await playing.start(await playing.open()))
    expect(status).toBe('FAILED')
    expect(['FORBIDDEN_ADDRESS', 'UNREACHABLE']).toContain(error?.code)
    expect(error?.message).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
  })

  test('that another one redirects to is never called', async () => {
    const sessionId = await playing.open(saying('x'), { provider: 'redirecting', name: 'm' })
    const run = await playing.ended(await playing.start(sessionId))
    expect(run).toMatchObject({ status: 'FAILED', error: { code: 'FORBIDDEN_ADDRESS' } })
    expect(redirecting.requests).toHaveLength(1)
    expect(server.requests).toEqual([])
  })
})

describe('two processes with workers inside', { timeout: 180_000 }, () => {
  const mostRuns = 3
  let backend: TestBackend
  let programs: Programs
  let server: ModelServer
  let running = 0
  let most = 0

  beforeAll(async () => {
    backend = await createBackend()
    programs = await createPrograms()
    server = await startModelServer((response) => {
      running++
      most = Math.max(most, running)
      // Something else takes its turn before the answer.
      setTimeout(() => {
        running--
        void wholeAnswer('OPENAI_COMPATIBLE')(response, undefined as never)
      }, 50)
    })
  }, 120_000)
  afterAll(async () => {
    await programs.end()
    await server.close()
    await backend.close()
  })

  test('make each of thirty runs once, and no more at once than may be', async () => {
    const settings = { ...{ ...settingsOf(backend), ...free }, TRACEMEND_MAX_RUNS: String(mostRuns) }
    const processes = [programs.start(settings), programs.start(settings)]
    const places = await Promise.all(
      processes.map(async (each) => playWith(createGraphQLClient(await each.address(), backend.operatorKey))),
    )
    const [one, other] = places as [Playing, Playing]
    await one.setProvider(server.url)
    const sessionId = await one.open()
    const since = Date.now()
    const ids = await Promise.all(Array.from({ length: 30 }, (_, index) => (index % 2 ? one : other).start(sessionId)))
    for (const id of ids) {
      const run = await untilAtLast(async () => {
        const found = await one.look(id)
        return !['QUEUED', 'RUNNING'].includes(found.status) && found
      })
      expect(run).toMatchObject({ status: 'SUCCEEDED', text: 'Hello you' })
    }
    expect(server.requests).toHaveLength(30)
    expect(most).toBeLessThanOrEqual(mostRuns)
    // By the sweep alone it would take longer.
    expect(Date.now() - since).toBeLessThan(15_000)
    for (const each of processes) expect(each.logged('failed')).toEqual([])
    for (const each of processes) expect(await each.stop()).toBe(0)
  })
})

describe('a run', { timeout: 120_000 }, () => {
  let app: TestApp
  let tenant: TestTenant
  let playing: Playing
  const servers: ModelServer[] = []

  beforeAll(async () => {
    app = await startTestApp({ workers: true, models: { mayBePrivate: true }, limits: { requestsPerMinute: 0 } })
    tenant = await makeTenant(app)
    playing = playWith(tenant.client)
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
  })
  afterAll(() => app.close())

  async function serve<Server extends ModelServer>(starting: Promise<Server>): Promise<Server> {
    const server = await starting
    servers.push(server)
    await playing.setProvider(server.url)
    return server
  }

  test('whose session is deleted gives its call up, and leaves its trace', async () => {
    const server = await serve(startHesitantServer())
    const sessionId = await playing.open()
    const runId = await playing.start(sessionId)
    const watching = watchAll(app, tenant.key, runId)
    await until(() => watching.every((each) => textOf(each) === server.half))
    const before = app.log.lines.length
    await tenant.client.ask(DeletePlaygroundSessionDocument, { sessionId })
    await until(() => watching.every((each) => each.ended))
    await server.requests[0]?.closed
    await app.drain()
    await until(async () => (await tenant.client.ask(WholeTraceDocument, { id: runId })).trace?.output === server.half)
    expect(app.log.lines.slice(before).filter(({ level }) => level >= 40)).toEqual([])
    for (const { results } of watching) {
      expect(results.at(-1)?.errors?.[0]?.extensions.code).toBe('NOT_FOUND')
    }
    const others = await playing.start(await playing.open())
    server.sayTheRest()
    await until(() => server.requests.length === 2)
    server.sayTheRest()
    expect((await playing.ended(others)).status).toBe('SUCCEEDED')
  })

  test('whose trace is deleted meanwhile gives its call up, and leaves nothing', async () => {
    const server = await serve(startHesitantServer())
    const traceId = freshId()
    await ingest(tenant.client, { id: traceId, messages: [{ role: 'user', content: 'a secret' }] })
    const { createPlaygroundSession } = await tenant.client.ask(CreatePlaygroundSessionDocument, { input: { traceId } })
    const sessionId = createPlaygroundSession.id
    await tenant.client.ask(UpdatePlaygroundModelDocument, { sessionId, model: { provider: 'served', name: 'm' } })
    const runId = await playing.start(sessionId)
    const watching = watchAll(app, tenant.key, runId)
    await until(() => watching.every((each) => textOf(each) === server.half))
    await tenant.client.ask(DeleteTracesDocument, { ids: [traceId] })
    await until(() => watching.every((each) => each.ended))
    await server.requests[0]?.closed
    await app.drain()
    expect((await tenant.client.ask(WholeTraceDocument, { id: runId })).trace).toBeNull()
  })

  test('that says two megabytes in twenty thousand pieces is kept whole, and others are answered meanwhile', async () => {
    const unit = 'A model that talks 😀 and talks, and never comes to the point 👩‍🚀 of it all; so it goes on: 𝒳. '
    const said = `${unit.repeat(Math.ceil(1_000_000 / unit.length))}\0${unit.repeat(Math.ceil(1_000_000 / unit.length))}`
    const pieceLength = Math.ceil(said.length / 20_000)
    const pieces = Array.from({ length: 20_000 }, (_, n) => said.slice(n * pieceLength, (n + 1) * pieceLength))
    expect(pieces.filter((piece) => !piece.isWellFormed()).length).toBeGreaterThan(100)
    await serve(
      startModelServer(async (response) => {
        const gone = new AbortController()
        response.once('close', () => gone.abort())
        response.writeHead(200, sse)
        for (const event of answerEvents('OPENAI_COMPATIBLE', pieces)) {
          if (!response.write(event)) await once(response, 'drain', gone).catch(() => {})
        }
        response.end()
      }),
    )
    const runId = await playing.start(await playing.open())
    const watching = watchAll(app, tenant.key, runId)
    let answered = 0
    const isRunning = () => watching.some((each) => !each.ended)
    const asking = (async () => {
      for (; isRunning(); answered++) await tenant.client.ask(ViewerDocument)
    })()
    await untilAtLast(() => !isRunning())
    await asking
    const stored = said.replaceAll('\0', '\uFFFD')
    for (const each of watching) {
      expect(each.ended).toBe(true)
      expect(textOf(each) === stored).toBe(true)
      expect(each.results.at(-1)?.data?.playgroundRunEvents).toMatchObject({ done: true })
    }
    const run = await playing.look(runId)
    expect(run.status, JSON.stringify(run.error)).toBe('SUCCEEDED')
    expect(run.text === stored).toBe(true)
    expect(answered).toBeGreaterThan(0)
  })

  describe('ends at once, with what is wrong,', () => {
    // One that does not end must not take the room of the next.
    beforeEach(async () => {
      tenant = await makeTenant(app)
      playing = playWith(tenant.client)
    })

    test('where the key of its provider can not be opened any more', async () => {
      await serve(startModelServer(wholeAnswer('OPENAI_COMPATIBLE')))
      await withDatabase(app.backend.database.url, (client) =>
        client.query(`update providers set sealed_key = '\\x00112233' where tenant_id = $1`, [tenant.id]),
      )
      const run = await playing.ended(await playing.start(await playing.open()))
      expect(run.status).toBe('FAILED')
      expect(run.error?.code).not.toBe('WORKER_LOST')
    })

    test('where the provider says what no database takes', async () => {
      await serve(startModelServer(jsonAnswer(400, { error: { message: 'no \0 and \ud800 here' } })))
      const run = await playing.ended(await playing.start(await playing.open()))
      expect(run).toMatchObject({ status: 'FAILED', error: { code: 'BAD_REQUEST' } })
      expect(run.error?.message).toContain('no \uFFFD and \uFFFD here')
    })

    test.each([
      ['more tokens than there are', { prompt_tokens: 1e12, completion_tokens: 1, total_tokens: 1e12 }],
      ['parts of tokens', { prompt_tokens: 1.5, completion_tokens: 1, total_tokens: 2.5 }],
      ['less than no tokens', { prompt_tokens: -1, completion_tokens: 1, total_tokens: 0 }],
    ])('where the provider counts %s', async (_, usage) => {
      await serve(startModelServer(wholeAnswer('OPENAI_COMPATIBLE', usage)))
      const run = await playing.ended(await playing.start(await playing.open()))
      expect(run).toMatchObject({ status: 'SUCCEEDED', text: 'Hello you', trace: { status: 'COMPLETED' } })
    })

    test.each([
      ['is too deep', `{"a":${'['.repeat(600)}${']'.repeat(600)}}`],
      ['has a number too large', '{"a":1e400}'],
      ['has NUL and half a character in it', JSON.stringify({ a: 'x\0y', '\0': '\ud800' })],
    ])('where the JSON of its answer %s', async (what, output) => {
      const sends = answerEvents('OPENAI_COMPATIBLE', [output])
      await serve(startModelServer((response) => void response.writeHead(200, sse).end(sends.join(''))))
      const responseSchema = { type: 'object', properties: { a: {} }, required: ['a'] }
      const run = await playing.ended(await playing.start(await playing.open(saying('x', { responseSchema }))))
      const isFine = what.startsWith('has NUL')
      expect(run).toMatchObject({
        status: isFine ? 'SUCCEEDED' : 'FAILED',
        text: output,
        ...(!isFine && { error: { code: 'INVALID_OUTPUT' } }),
      })
    })
  })
})

const sse = { 'content-type': 'text/event-stream' }
