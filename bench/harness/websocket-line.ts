import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

/**
 * One WebSocket that speaks graphql-transport-ws, without what a client library does for each frame: a thousand of them
 * in one process must leave the server its core.
 */
export interface WebSocketLine {
  send(message: object): void
  close(): void
}

/** `onFrame` is given the text of every frame as bytes, which are only lent to it: they are part of what was read. */
export type OnFrame = (text: Buffer) => void

interface Options {
  address: string
  key: string
  onFrame: OnFrame
  onEnd(error: Error): void
}

export async function openWebSocket({ address, key, onFrame, onEnd }: Options): Promise<WebSocketLine> {
  const { hostname, port } = new URL(address)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.write(upgrade(key))
  let unread: Buffer = Buffer.alloc(0)
  let isUpgraded = false
  let isClosing = false
  const send = (opcode: number, payload: Buffer) => socket.write(clientFrame(opcode, payload))
  const end = (reason: string) => {
    if (!isClosing) onEnd(new Error(`${address} has ended a WebSocket: ${reason}`))
    isClosing = true
    socket.destroy()
  }

  const ready = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk])
      if (!isUpgraded) {
        const head = unread.indexOf('\r\n\r\n')
        if (head < 0) return
        if (unread.toString('latin1', 9, 12) !== '101') return reject(new Error(unread.toString('latin1')))
        isUpgraded = true
        unread = unread.subarray(head + 4)
        resolve()
      }
      const read = readFrames(unread, (opcode, payload) => {
        if (opcode === text) onFrame(payload)
        else if (opcode === ping) send(pong, payload)
        else if (opcode === close) end(payload.toString('utf8', 2))
      })
      unread = unread.subarray(read)
    })
    socket.on('error', reject)
  })
  socket.on('error', (error) => end(error.message))
  socket.on('close', () => end('closed'))
  await ready

  return {
    send: (message) => void send(text, Buffer.from(JSON.stringify(message))),
    close() {
      isClosing = true
      socket.destroy()
    },
  }
}

const [text, close, ping, pong] = [1, 8, 9, 10] as const

function upgrade(key: string): string {
  return [
    'GET /graphql HTTP/1.1',
    'host: bench',
    `authorization: Bearer ${key}`,
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
    'sec-websocket-protocol: graphql-transport-ws',
    '\r\n',
  ].join('\r\n')
}

/** Masked, as a client's must be: with zeros. */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  if (length > 65_535) throw new Error(`a frame of ${length} bytes is more than this client can send`)
  const head = length < 126 ? [128 + length] : [128 + 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([128 + opcode, ...head, 0, 0, 0, 0]), payload])
}

/** Gives each whole frame and says how many bytes they took. Our servers don't cut texts into several frames. */
function readFrames(bytes: Buffer, take: (opcode: number, payload: Buffer) => void): number {
  let at = 0
  for (;;) {
    const short = (bytes[at + 1] ?? 127) & 127
    const head = short < 126 ? 2 : short === 126 ? 4 : 10
    if (bytes.length < at + head) return at
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    if (bytes.length < at + head + length) return at
    take((bytes[at] as number) & 15, bytes.subarray(at + head, at + head + length))
    at += head + length
  }
}
