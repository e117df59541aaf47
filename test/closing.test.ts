import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { ViewerEventsDocument } from './generated/documents.ts'
import { subscribeOverSse, subscribeOverWebSocket } from './harness/live-client.ts'
import { startTestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

test('the end of the process tells its clients to come back', async () => {
  const app = await startTestApp()
  const place = { url: app.url, key: app.backend.operatorKey }
  const overWebSocket = subscribeOverWebSocket(place, ViewerEventsDocument)
  const overSse = subscribeOverSse(place, ViewerEventsDocument)
  await until(() => overWebSocket.results.length === 1 && overSse.results.length === 1)
  expect(overSse.retry).toEqual({ ms: 1_000, isWithEnd: false })
  await app.close()
  await until(() => overWebSocket.ended && overSse.ended)
  expect(overWebSocket.closeCode).toBe(1012)
  expect(overSse.ended).toBe(true)
  expect(overSse.results.at(-1)?.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAVAILABLE'])
  expect(overSse.retry).toEqual({ ms: 1_000, isWithEnd: true })
})

test('a client that was turned away and stays, or says nothing, does not keep the process from ending', async () => {
  const app = await startTestApp()
  const { hostname, port } = new URL(app.url)
  const asked = [
    'GET /elsewhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n',
  ]
  let answers = ''
  const sockets = asked.map((text) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    socket.on('data', (bytes) => {
      answers += bytes
    })
    socket.on('error', () => {})
    socket.write(text)
    return socket
  })
  await until(() => answers.includes('HTTP/1.1 404 ') && answers.includes('HTTP/1.1 200 '))
  // Who was turned away is not left half open: what it sends next finds nobody.
  await until(() => {
    sockets[0]?.write('x')
    return sockets[0]?.destroyed
  })
  const closed = app.close()
  await until(() => sockets.every(({ readableEnded, destroyed }) => readableEnded || destroyed))
  for (const socket of sockets) socket.destroy()
  await closed
})
