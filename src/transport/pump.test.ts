import { expect, test } from 'vitest'
import { createPump } from './pump.ts'

/** Gives what it was told, then fails or has nothing more to give. */
function createSource(values: string[], failure: Error | null = null) {
  const source = {
    pulled: 0,
    returned: 0,
    async next(): Promise<IteratorResult<string>> {
      const value = values[source.pulled++]
      if (value !== undefined) return { done: false, value }
      return failure ? Promise.reject(failure) : new Promise(() => {})
    },
    async return(): Promise<IteratorResult<string>> {
      source.returned++
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => source,
  }
  return source
}

const asLast = (failure: unknown) => `failed: ${(failure as Error).message}`

function pumpOf(source: ReturnType<typeof createSource>, send: (value: string) => Promise<void> | undefined) {
  return createPump({ source, send, asLast })
}

test('a source that fails is ended with its failure', async () => {
  const sent: string[] = []
  const source = createSource(['a', 'b'], new Error('broken'))
  await pumpOf(source, (value) => void sent.push(value)).run()
  expect(sent).toEqual(['a', 'b', 'failed: broken'])
})

test('what can’t be sent ends its source, and is said', async () => {
  const sent: string[] = []
  const source = createSource(['a', 'b'])
  await pumpOf(source, (value) => {
    if (value === 'b') throw new Error('unwritable')
    sent.push(value)
    return undefined
  }).run()
  expect(sent).toEqual(['a', 'failed: unwritable'])
  expect(source.returned).toBe(1)
})

test('a failure that can’t be said either is for the caller', async () => {
  const run = pumpOf(createSource(['a']), () => Promise.reject(new Error('never'))).run()
  await expect(run).rejects.toThrow('never')
})

test('nothing is asked for until what was sent has been taken', async () => {
  const source = createSource(['a', 'b'])
  let take = () => {}
  const pump = pumpOf(source, () => new Promise((resolve) => (take = resolve)))
  void pump.run()
  await new Promise(setImmediate)
  expect(source.pulled).toBe(1)
  take()
  await new Promise(setImmediate)
  expect(source.pulled).toBe(2)
})

test('one that is stopped gives its source back at once, and only once, whatever it waits for', async () => {
  for (const values of [[], ['a', 'b']]) {
    const source = createSource(values)
    const sent: string[] = []
    const pump = pumpOf(source, (value) => {
      sent.push(value)
      return new Promise(() => {})
    })
    const run = pump.run()
    await new Promise(setImmediate)
    await pump.stop()
    await pump.stop()
    await run
    expect(source.returned).toBe(1)
    expect(sent).toHaveLength(Math.min(1, values.length))
  }
})

test('one that is stopped before it began asks for nothing', async () => {
  const source = createSource(['a'])
  const pump = pumpOf(source, () => undefined)
  await pump.stop()
  await pump.run()
  expect({ pulled: source.pulled, returned: source.returned }).toEqual({ pulled: 0, returned: 1 })
})
