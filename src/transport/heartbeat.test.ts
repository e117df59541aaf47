import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { openPacedWebSocket } from '../../test/harness/paced-client.ts'
import { serverEndOf } from '../../test/harness/server-ends.ts'
import {
  createTexts,
  type StreamServer,
  startStreamServer,
  textsSubscription,
} from '../../test/harness/stream-server.ts'
import { until } from '../../test/harness/until.ts'

const heartbeatMs = 20
/** In beats: time is counted in them. */
const patience = 20

interface Peer {
  socket: WebSocket
  pings: number
  isClosed: boolean
}

let server: StreamServer

async function start(): Promise<string> {
  const open = () => createTexts(Number.POSITIVE_INFINITY, (index) => ({ data: { texts: `${index}`.padEnd(1_000) } }))
  server = await startStreamServer({ open, heartbeatMs, silentMs: patience * heartbeatMs })
  return server.url
}

afterEach(() => server.close())

async function join(url: string, options: ClientOptions = {}): Promise<Peer> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options)
  const peer: Peer = { socket, pings: 0, isClosed: false }
  socket.on('ping', () => peer.pings++)
  socket.on('close', () => {
    peer.isClosed = true
  })
  await once(socket, 'open')
  return peer
}

/** Every ping that another peer gets and answers is a beat. */
async function untilBeats(clock: Peer, count: number): Promise<void> {
  const begun = clock.pings
  await until(() => clock.pings >= begun + count)
}

describe('the heartbeat', () => {
  test('ends a connection whose peer reads and says nothing', async () => {
    const url = await start()
    const mute = await join(url, { autoPong: false })
    await until(() => mute.isClosed)
    // One that is not answered is not asked again.
    expect(mute.pings).toBe(1)
    await until(async () => (await server.countOpenSockets()) === 0)
  })

  test('keeps a connection whose peer answers', async () => {
    const peer = await join(await start())
    await untilBeats(peer, 3 * patience)
    expect({ isClosed: peer.isClosed, open: await server.countOpenSockets() }).toEqual({ isClosed: false, open: 1 })
    peer.socket.terminate()
    await until(async () => (await server.countOpenSockets()) === 0)
  })

  test('keeps a connection whose peer says anything', async () => {
    const url = await start()
    const clock = await join(url)
    const talking = await join(url, { autoPong: false })
    talking.socket.send('{"type":"connection_init"}')
    for (let round = 0; round < 6; round++) {
      await untilBeats(clock, patience / 2)
      talking.socket.send('{"type":"ping"}')
    }
    expect(talking.isClosed).toBe(false)
    talking.socket.terminate()
    clock.socket.terminate()
  })

  test('keeps a connection whose peer reads nothing for a while, and then goes on', async () => {
    const url = await start()
    const clock = await join(url)
    const pausing = await join(url)
    for (let round = 0; round < 3; round++) {
      pausing.socket.pause()
      const { pings } = pausing
      await untilBeats(clock, patience - 5)
      pausing.socket.resume()
      await until(() => pausing.pings > pings + 2)
    }
    expect(pausing.isClosed).toBe(false)
    pausing.socket.terminate()
    clock.socket.terminate()
  })

  test('keeps one that is far behind as long as it takes something, and ends it when it takes nothing more', async () => {
    const url = await start()
    const clock = await join(url)
    const behind = openPacedWebSocket({ url, key: null }, textsSubscription)
    await until(() => behind.results.length > 0)
    behind.pause()
    const end = serverEndOf(behind.localPort())
    await until(() => end.writableLength > 0)
    for (let round = 0; round < 6; round++) {
      await untilBeats(clock, patience / 2)
      const { bytesWritten } = end
      behind.resume()
      await until(() => end.bytesWritten > bytesWritten)
      behind.pause()
    }
    expect(behind.ended).toBeNull()
    await until(() => end.destroyed)
    clock.socket.terminate()
  })
})
