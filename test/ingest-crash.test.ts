import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TraceDocument, TraceIdsDocument, ViewerDocument } from './generated/documents.ts'
import { createGraphQLClient, type GraphQLClient } from './harness/graphql-client.ts'
import { freshId, llmSpan, post } from './harness/ingest.ts'
import { createPrograms, type Program, type Programs } from './harness/program.ts'
import { until } from './harness/until.ts'

const rounds = 8
const writers = 4
const spansEach = 10
const key = `tm_crash_${'k'.repeat(40)}`

/** Redis has no part in it, so one round is enough. */
describe.skipIf(process.env.TEST_WITH === 'redis')('after a receipt', { timeout: 180_000 }, () => {
  let programs: Programs

  beforeAll(async () => {
    programs = await createPrograms()
  })
  afterAll(() => programs.end())

  async function start(): Promise<{ program: Program; client: GraphQLClient }> {
    const program = programs.start({ TRACEMEND_OPERATOR_KEY: key, TRACEMEND_MAX_REQUESTS_PER_MINUTE: '0' })
    return { program, client: createGraphQLClient(await program.address(), key) }
  }

  /** Sends one trace after another until the server is gone; notes those for which it got a receipt. */
  async function write(client: GraphQLClient, received: string[], sent: string[]): Promise<void> {
    for (;;) {
      const id = freshId()
      sent.push(id)
      const spans = Array.from({ length: spansEach }, (_, n) => llmSpan(`${n}`, { input: 'x'.repeat(500) }))
      const answer = await post(client, { traces: [{ id, agent: 'crash', spans }] }).catch(() => null)
      if (answer?.status !== 200) return
      received.push(id)
    }
  }

  test('nothing is lost by kill -9 under load, of the process alone and of its PostgreSQL too', async () => {
    const received: string[] = []
    const sent: string[] = []
    for (let round = 0; round < rounds; round++) {
      const { program, client } = await start()
      const before = received.length
      const writing = Array.from({ length: writers }, () => write(client, received, sent))
      await until(() => received.length > before + 3 * round)
      // Right after the receipt that was counted: others are on their way, some in the middle of their transaction.
      program.send('SIGKILL')
      if (round % 2) await programs.crash()
      await Promise.all(writing)
      await program.ended()
    }

    const { client } = await start()
    expect(received.length).toBeGreaterThan(rounds)
    for (const id of received) {
      const { trace } = await client.ask(TraceDocument, { id })
      expect(trace).toMatchObject({ spanCount: spansEach, inputTokens: 1_000 * spansEach, agent: { name: 'crash' } })
    }
    // What was stored without its receipt getting through is whole, too, and counted once.
    const stored = await listAll(client)
    expect(sent).toEqual(expect.arrayContaining(stored))
    expect((await client.ask(ViewerDocument)).viewer.tenant.usage).toMatchObject({
      traces: stored.length,
      spans: stored.length * spansEach,
    })
  })
})

async function listAll(client: GraphQLClient): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | null = null; ; ) {
    const {
      traces,
    }: { traces: { nodes: { id: string }[]; pageInfo: { endCursor?: string | null; hasNextPage: boolean } } } =
      await client.ask(TraceIdsDocument, { first: 100, after })
    ids.push(...traces.nodes.map(({ id }) => id))
    if (!traces.pageInfo.hasNextPage) return ids
    after = traces.pageInfo.endCursor ?? null
  }
}
