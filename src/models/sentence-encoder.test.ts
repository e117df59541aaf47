import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, test } from 'vitest'
import { createSentenceEncoder } from './sentence-encoder.ts'

const shared = createSentenceEncoder()
afterAll(() => shared.close())

type Vector = Float32Array | null | undefined
const likeness = (a: Vector, b: Vector) => a?.reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0) ?? 0
const sentence = 'The agent called the payment tool twice because the first answer had timed out.'
const filler = 'Weather in the mountains was mild, and the river below the village kept its usual level. '

test('texts that mean the like point the same way', async () => {
  const [question, same, other] = await shared.encode([
    ['Why was the customer charged twice?'],
    ['The client paid two times for one order'],
    ['The glacier has been melting since the spring'],
  ])
  expect(likeness(question, question)).toBeCloseTo(1)
  expect(question).toHaveLength(512)
  expect(likeness(question, same)).toBeGreaterThan(likeness(question, other) + 0.2)
})

test('a vector is the same whoever shared its batch', async () => {
  const [alone] = await shared.encode([[sentence]])
  const together = await shared.encode([[filler.repeat(9)], [sentence], ['short']])
  expect(likeness(alone, together[1])).toBeCloseTo(1, 5)
})

test('what stands at the very end of a long text is found', async () => {
  const fact = 'The refund failed because the bank account was closed.'
  const other = 'The build failed because a certificate had expired.'
  const [query, long, decoy] = await shared.encode([
    ['refund to a closed bank account'],
    [filler.repeat(10) + fact],
    [filler.repeat(10) + other],
  ])
  expect(likeness(query, long)).toBeGreaterThan(likeness(query, decoy) + 0.02)
})

test('each part counts the same: a short one weighs as much as a long one', async () => {
  const [conclusion, whole, both] = await shared.encode([
    [sentence],
    [filler.repeat(20)],
    [filler.repeat(20), sentence],
  ])
  const distance = likeness(both, conclusion) - likeness(both, whole)
  expect(Math.abs(distance)).toBeLessThan(0.001)
})

test('empty parts change nothing, and a text without a word that the model reads has no vector', async () => {
  const [plain, padded, ...none] = await shared.encode([
    [sentence],
    ['', sentence, ' \n'],
    [],
    [''],
    ['—!?'],
    ['你好世界'],
  ])
  expect(likeness(plain, padded)).toBeCloseTo(1, 5)
  expect(none).toEqual([null, null, null, null])
  expect(await shared.encode([])).toEqual([])
})

test('texts of any kind are encoded: base64, line breaks, broken characters, half a million characters', async () => {
  const texts = [Buffer.alloc(600, 'xyz').toString('base64'), 'one\ntwo\tthree', 'a\ud800b ﷺ', filler.repeat(5600)]
  for (const vector of await shared.encode(texts.map((text) => [text]))) expect(likeness(vector, vector)).toBeCloseTo(1)
})

test('the event loop goes on while the model is loaded and at work', async () => {
  const encoder = createSentenceEncoder()
  let turns = 0
  let isDone = false
  const encoding = encoder.encode(Array.from({ length: 10 }, () => [filler.repeat(3)])).finally(() => {
    isDone = true
  })
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  await encoding
  await encoder.close()
  expect(turns).toBeGreaterThan(1000)
})

test('a question overtakes a large batch that came before it', async () => {
  let isBatchDone = false
  const batch = shared.encode(Array.from({ length: 30 }, () => [filler.repeat(6)])).then(() => {
    isBatchDone = true
  })
  await shared.encode([[sentence]])
  expect(isBatchDone).toBe(false)
  await batch
})

test('an abort ends the waiting at once, and nobody else is disturbed', async () => {
  const aborter = new AbortController()
  const batch = shared.encode([[filler.repeat(900)], [filler]], aborter.signal)
  const others = shared.encode([[sentence]])
  const reason = new Error('no longer needed')
  aborter.abort(reason)
  await expect(batch).rejects.toBe(reason)
  expect((await others)[0]).toHaveLength(512)
  await expect(shared.encode([[sentence]], aborter.signal)).rejects.toBe(reason)
})

test('a thread that ends fails what is under way, and the next text starts a new one', async () => {
  const started: Worker[] = []
  const encoder = createSentenceEncoder({ startWorker: () => keep(started, new Worker(echoScript, { eval: true })) })
  const dying = [encoder.encode([['exit']]), encoder.encode([['wait']])]
  for (const result of await Promise.allSettled(dying)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } })
  }
  await expect(encoder.encode([['throw']])).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { message: 'broken' } })
  expect(await encoder.encode([['fine']])).toEqual([Float32Array.of(1)])
  expect(started).toHaveLength(3)
  await encoder.close()
})

test('an idle thread ends, and comes back with the next text', async () => {
  const started: Worker[] = []
  const startWorker = () => keep(started, new Worker(echoScript, { eval: true }))
  const encoder = createSentenceEncoder({ idleMs: 1, startWorker })
  await encoder.encode([['fine']])
  await once(started[0] as Worker, 'exit')
  expect(await encoder.encode([['fine']])).toEqual([Float32Array.of(1)])
  expect(started).toHaveLength(2)
  await encoder.close()
})

test('closing while the model loads fails what is under way, and all that comes later', async () => {
  const encoder = createSentenceEncoder()
  const encoding = encoder.encode([[sentence]])
  const failed = expect(encoding).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await encoder.close()
  await failed
  await expect(encoder.encode([[sentence]])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await encoder.close()
})

test('a process that has nothing else to do ends, closed or not, and without a word', async () => {
  const script = `import { createSentenceEncoder } from './src/models/sentence-encoder.ts'
    const [vector] = await createSentenceEncoder().encode([['a text']])
    console.log(vector.length)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(output).toBe('512\n')
})

/** A thread that answers as it is told, for what the real one never does. */
const echoScript = `
  const { parentPort } = require('node:worker_threads')
  parentPort.on('message', ({ id, parts }) => {
    if (parts[0] === 'exit') process.exit(3)
    if (parts[0] === 'throw') throw new Error('broken')
    if (parts[0] === 'fine') parentPort.postMessage({ id, vector: Float32Array.of(1) })
  })`

function keep(started: Worker[], worker: Worker): Worker {
  started.push(worker)
  return worker
}
