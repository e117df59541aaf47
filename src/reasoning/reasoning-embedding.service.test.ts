import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { createWordEncoder, openSearching, type Searching, saying } from '../../test/harness/searching.ts'
import { createReasoningEmbedding } from './reasoning-embedding.service.ts'

let database: TestDatabase
let encoder: ReturnType<typeof createWordEncoder>
let searching: Searching

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  encoder = createWordEncoder()
  searching = openSearching(database.url, encoder)
  await searching.pool.query(
    'truncate reasoning_traces, reasoning_tags, reasoning_due, reasoning_vectors, ledger_heads, ledger_entries',
  )
  return () => searching.end()
})

const storeMany = (count: number) =>
  searching.store(
    'a',
    Array.from({ length: count }, (_, index) => saying(`r${String(index).padStart(3, '0')}`, `number ${index}.`)),
  )
const missing = async () =>
  (await searching.pool.query('select reasoning_id as id from reasoning_due order by 1')).rows.map(({ id }) => id)

test('everything that is due is embedded once, however many workers there are', async () => {
  await storeMany(50)
  await Promise.all([searching.embedAll(), searching.embedAll(), openEmbedding().embedDue(never())])
  expect(await missing()).toEqual([])
  expect(encoder.encoded).toHaveLength(50)
})

test('what the encoder fails at rests, and holds nobody up', async () => {
  await storeMany(30)
  encoder.refuse = (text) => (/number (0|9|17)\./.test(text) ? new Error('poison') : null)
  await searching.embedAll()
  expect(await missing()).toEqual(['r000', 'r009', 'r017'])
  expect(searching.errors).toHaveLength(3)
  expect(searching.outages).toEqual([])
  encoder.refuse = () => null
  await searching.embedAll()
  expect(await missing(), 'until it has rested').toHaveLength(3)
  await searching.pool.query('update reasoning_due set due_at = now()')
  await searching.embedAll()
  expect(await missing()).toEqual([])
})

test('an encoder that is away is tried twice, and what it was to do is left to others at once', async () => {
  await storeMany(30)
  let calls = 0
  encoder.refuse = () => {
    calls++
    return new Error('away')
  }
  await searching.embedAll()
  expect(calls).toBeLessThan(20)
  expect(searching.outages).toHaveLength(1)
  expect(searching.errors).toEqual([])
  encoder.refuse = () => null
  await searching.embedAll()
  expect(await missing()).toEqual(['r000', 'r001'])
})

test('poison in front is passed by later sweeps', async () => {
  await storeMany(10)
  encoder.refuse = (text) => (/number [0-3]\./.test(text) ? new Error('poison') : null)
  for (let sweep = 0; sweep < 3; sweep++) await searching.embedAll()
  expect(await missing()).toEqual(['r000', 'r001', 'r002', 'r003'])
})

test('a worker that is told to end gives back what it was at', async () => {
  await storeMany(10)
  const end = new AbortController()
  encoder.refuse = () => {
    end.abort(new Error('the process ends'))
    return null
  }
  const encode = encoder.encode.bind(encoder)
  encoder.encode = async (texts, signal) => {
    const vectors = await encode(texts, signal)
    signal?.throwIfAborted()
    return vectors
  }
  await expect(searching.embedding.embedDue(end.signal)).rejects.toThrow('the process ends')
  encoder.refuse = () => null
  await searching.embedAll()
  expect(await missing()).toEqual([])
})

test('many nudges are one job; one that fails is left to the sweep', async () => {
  vi.useFakeTimers()
  const added: unknown[] = []
  const errors: unknown[] = []
  const embedding = openEmbedding({
    queue: {
      add: async ({ name }: { name: string }) => {
        added.push(name)
        if (added.length > 1) throw new Error('no queue')
      },
    },
    onError: (error: unknown) => void errors.push(error),
  })
  for (let count = 0; count < 100; count++) embedding.nudge()
  await vi.runAllTimersAsync()
  expect(added).toEqual(['reasoning.embed'])
  embedding.nudge()
  await embedding.flush()
  expect(errors).toEqual([new Error('no queue')])
  vi.useRealTimers()
})

function openEmbedding(more: object = {}) {
  const outage = { began() {}, ended() {} }
  const queue = { add: async () => {} }
  return createReasoningEmbedding({ vectors: searching.vectors, encoder, queue, outage, onError() {}, ...more })
}

const never = () => new AbortController().signal
