import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TraceEventKindsDocument } from './generated/documents.ts'
import { startExample } from './harness/example.ts'
import { type Follower, follow } from './harness/follower.ts'
import { createGraphQLClient, type GraphQLClient } from './harness/graphql-client.ts'
import { freshId, ingest, post } from './harness/ingest.ts'
import { transports } from './harness/live-client.ts'
import { createPrograms, type Program, type Programs } from './harness/program.ts'
import { until } from './harness/until.ts'

const key = `tm_crash_${'k'.repeat(40)}`
const writers = 3

/** Redis has no part in it, so one round is enough. */
describe.skipIf(process.env.TEST_WITH === 'redis')(
  'a server that ends under its watchers',
  { timeout: 180_000 },
  () => {
    let programs: Programs
    let program: Program
    let port = '0'
    let client: GraphQLClient

    beforeAll(async () => {
      programs = await createPrograms()
      await start()
    }, 120_000)
    afterAll(() => programs.end())

    /** Always at the same address, as its clients expect. */
    async function start(): Promise<void> {
      program = programs.start({ TRACEMEND_OPERATOR_KEY: key, TRACEMEND_MAX_REQUESTS_PER_MINUTE: '0', PORT: port })
      const address = await program.address()
      port = new URL(address).port
      client = createGraphQLClient(address, key)
    }

    /** Each trace begins in one request and ends in another, which are sent until there is a receipt. */
    function keepWriting() {
      const receipts = new Map<string, 'COMPLETED' | 'FAILED'>()
      let isStopped = false
      async function send(trace: object): Promise<void> {
        const isReceived = () => post(client, { traces: [trace] }).then(({ status }) => status === 200)
        await until(() => isReceived().catch(() => false))
      }
      async function write(): Promise<void> {
        while (!isStopped) {
          const id = freshId()
          const status = Math.random() < 0.3 ? 'FAILED' : 'COMPLETED'
          await send({ id, spans: [{ id: 'a', name: 'a step' }] })
          await send({ id, status })
          receipts.set(id, status)
        }
      }
      const writing = Promise.all(Array.from({ length: writers }, write))
      return {
        receipts,
        async stop() {
          isStopped = true
          await writing
        },
      }
    }

    function followAll(after: string): Follower[] {
      return transports.map(({ subscribe }) => follow({ subscribe, place: () => client, after }))
    }

    /** As many of them have been received since. */
    async function untilMore(receipts: ReadonlyMap<string, unknown>, more: number): Promise<void> {
      const { size } = receipts
      await until(() => receipts.size >= size + more)
    }

    /** What has been told by an event that was written after all others. */
    async function untilTold(followers: readonly Follower[]): Promise<void> {
      const id = freshId('last')
      await ingest(client, { id })
      await until(() => followers.every(({ told }) => told.at(-1) === `CREATED ${id}`))
    }

    /** Those who were there all the time, and one who comes afterwards, were told the same. */
    async function expectToldAlike(followers: readonly Follower[], after: string): Promise<string[]> {
      const late = followAll(after)
      const all = [...followers, ...late]
      await untilTold(all)
      for (const each of all) {
        expect(each.told).toEqual(late[0]?.told)
        expect(new Set(each.cursors).size).toBe(each.told.length)
        expect(each.codes.filter((code) => code !== 'UNAVAILABLE')).toEqual([])
        await each.stop()
      }
      return late[0]?.told ?? []
    }

    function expectWhole(told: readonly string[], receipts: ReadonlyMap<string, unknown>): void {
      const kindsOf = new Map<string, string[]>()
      for (const [kind = '', id = ''] of told.map((each) => each.split(' '))) {
        kindsOf.set(id, [...(kindsOf.get(id) ?? []), kind])
      }
      for (const id of receipts.keys()) expect([id, kindsOf.get(id)]).toEqual([id, ['CREATED', 'UPDATED', 'FINISHED']])
    }

    test('kill -9 again and again: every receipt is told, each event once and in order', async () => {
      const { cursor } = await ingest(client, { id: freshId() })
      const followers = followAll(cursor)
      const failing = transports.map(({ subscribe }) =>
        follow({ subscribe, place: () => client, after: cursor, filter: { status: ['FAILED'] } }),
      )
      const writing = keepWriting()
      const rounds = 8
      for (let round = 0; round < rounds; round++) {
        await untilMore(writing.receipts, 10 * round)
        program.send('SIGKILL')
        if (round % 2) await programs.crash()
        await program.ended()
        await start()
      }
      await untilMore(writing.receipts, 10)
      await writing.stop()
      const told = await expectToldAlike(followers, cursor)
      for (const { subscribed } of followers) expect(subscribed).toBeGreaterThan(rounds)
      expectWhole(told, writing.receipts)

      const finished = told.filter((each) => each.startsWith('FINISHED'))
      const failed = finished.filter((each) => writing.receipts.get(each.split(' ')[1] ?? '') === 'FAILED')
      for (const each of failing) {
        await until(() => each.told.filter((event) => event.startsWith('FINISHED')).length >= failed.length)
        await each.stop()
        expect(each.told.filter((event) => event.startsWith('FINISHED'))).toEqual(failed)
      }
    })

    test('SIGTERM: WebSockets are closed with 1012, streams end with UNAVAILABLE and when to come back', async () => {
      const { cursor } = await ingest(client, { id: freshId() })
      const followers = followAll(cursor)
      const writing = keepWriting()
      for (let round = 0; round < 3; round++) {
        const [overWebSocket, overSse] = transports.map(({ subscribe }) =>
          subscribe(client, TraceEventKindsDocument, { after: cursor }),
        )
        await untilMore(writing.receipts, 10)
        await until(() => overWebSocket?.results.length && overSse?.results.length)
        expect(await program.stop('SIGTERM')).toBe(0)
        await until(() => overWebSocket?.ended && overSse?.ended)
        expect(overWebSocket).toMatchObject({ closeCode: 1012 })
        expect(overSse).toMatchObject({ ended: true, retry: { isWithEnd: true } })
        expect(overSse?.retry?.ms).toBeGreaterThan(0)
        expect(overSse?.results.at(-1)?.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }])
        await start()
      }
      await untilMore(writing.receipts, 10)
      await writing.stop()
      expectWhole(await expectToldAlike(followers, cursor), writing.receipts)
    })

    test('examples/watch.ts prints each trace that fails once, though the server is killed and it is ended, too', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'tracemend-watch-'))
      const file = join(folder, 'watch.log')
      let printed = ''
      let example = startExample('watch.ts', client, file)
      await until(async () => (await readFile(file, 'utf8').catch(() => '')).length > 0)
      const writing = keepWriting()
      for (let round = 0; round < 6; round++) {
        await untilMore(writing.receipts, 20)
        program.send('SIGKILL')
        await program.ended()
        if (round % 2) {
          expect(await example.stop()).toBe(0)
          printed += example.stdout
        }
        await start()
        if (round % 2) example = startExample('watch.ts', client, file)
      }
      await untilMore(writing.receipts, 20)
      await writing.stop()
      await ingest(client, { id: 'the last one', status: 'FAILED' })
      await until(() => example.stdout.includes('the last one'))
      expect(await example.stop()).toBe(0)
      await rm(folder, { recursive: true })

      const lines = `${printed}${example.stdout}`.split('\n').slice(0, -2)
      const failed = [...writing.receipts].filter(([, status]) => status === 'FAILED').map(([id]) => id)
      expect(lines.map((line) => line.split('  ')[1]).sort()).toEqual(failed.sort())
    })

    test('SIGTERM ends it soon, though somebody has connected and says nothing', async () => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => {})
      await until(() => !socket.connecting)
      await ingest(client, { id: freshId() })
      const since = Date.now()
      expect(await program.stop('SIGTERM')).toBe(0)
      socket.destroy()
      // As browsers do, and some HTTP clients. Of itself the process waits for ten seconds.
      expect(Date.now() - since).toBeLessThan(8_000)
      await start()
    })
  },
)
