import { afterEach, describe, expect, test } from 'vitest'
import { pacedTransports } from '../../test/harness/paced-client.ts'
import { serverEndOf } from '../../test/harness/server-ends.ts'
import {
  createTexts,
  type StreamServer,
  startStreamServer,
  type Texts,
  textsSubscription,
} from '../../test/harness/stream-server.ts'
import { until } from '../../test/harness/until.ts'
import { SharedResult } from '../graphql/shared-result.ts'
import { maxWaitingBytes } from './outgoing.ts'

let server: StreamServer
let texts: Texts

async function start(count: number, textOf: ((index: number) => string) | null) {
  texts = createTexts(count, textOf && ((index) => new SharedResult({ data: { texts: textOf(index) } })))
  server = await startStreamServer({ open: () => texts })
  return { url: server.url, key: null }
}

/** The source is asked for nothing more. */
async function untilAtRest(): Promise<void> {
  let [pulled, looks] = [-1, 0]
  await until(() => {
    looks = pulled === texts.pulled ? looks + 1 : 0
    pulled = texts.pulled
    return looks === 10
  })
}

afterEach(() => server.close())

describe.each(pacedTransports)('a client over $name', ({ open }) => {
  interface Got {
    texts: string
  }

  test('that stops reading stops its source, and gets all in order when it reads again', async () => {
    // 40 MB: four times what two sockets and their kernel hold.
    const [count, length] = [40_000, 1_000]
    const textOf = (index: number) => String(index).padStart(length, '.')
    const live = open<Got, object>(await start(count, textOf), textsSubscription)
    await until(() => live.results.length > 0)
    live.pause()
    const end = serverEndOf(live.localPort())
    await until(() => end.writableLength > 0)
    await untilAtRest()
    expect(texts.pulled).toBeLessThan(count / 2)
    expect(end.writableLength).toBeLessThan(maxWaitingBytes + length + 100)
    live.resume()
    await until(() => live.ended)
    expect(live.ended).toBe('completed')
    expect(live.results.map(({ data }) => data?.texts)).toEqual(Array.from({ length: count }, (_, i) => textOf(i)))
    live.vanish()
  })

  test('gets results of every length, many at once, whole and in order', async () => {
    const around = [1, 60, 62, 64, 66, 68, 70, 125, 4_000, 16_384, 65_450, 65_490, 65_500, 65_536, 70_000, 200_000]
    const lengths = Array.from({ length: 400 }, (_, index) => (around[index % around.length] ?? 0) + (index % 7))
    const textOf = (index: number) => `${index}é🙂`.padEnd(lengths[index] ?? 0, 'x')
    const live = open<Got, object>(await start(lengths.length, textOf), textsSubscription)
    await until(() => live.ended)
    expect(live.ended).toBe('completed')
    const got = live.results.map(({ data }) => data?.texts)
    expect(got).toHaveLength(lengths.length)
    for (const [index, text] of got.entries()) expect(text === textOf(index)).toBe(true)
    live.vanish()
  })

  test('that goes away while nothing happens gives its source back', async () => {
    const live = open(await start(0, null), textsSubscription)
    await until(() => texts.isAsked)
    live.vanish()
    await until(() => texts.isReturned)
  })

  test('that goes away while much is on its way gives its source back', async () => {
    const live = open(await start(Number.POSITIVE_INFINITY, (index) => `${index}`.padEnd(1_000)), textsSubscription)
    await until(() => live.results.length > 0)
    live.pause()
    await until(() => serverEndOf(live.localPort()).writableLength > 0)
    live.vanish()
    await until(() => texts.isReturned)
  })
})
