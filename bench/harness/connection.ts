import { connect } from 'node:net'

/**
 * One keep-alive HTTP/1.1 connection, one request at a time, without what node:http does for each: on two cores, what
 * the client takes is missing from the servers, and would pull their ratio towards one.
 */
export interface Connection {
  send(request: Buffer): Promise<Answer>
  close(): void
}

export interface Answer {
  status: number
  body: Buffer
}

export async function openConnection(address: string): Promise<Connection> {
  const { hostname, port } = new URL(address)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let waiting: Waiting | null = null
  let chunks: Buffer[] = []
  let received = 0
  /** Known with the first bytes of an answer; of a chunked one it is the end that tells. */
  let head: Head | null = null

  socket.on('data', (chunk) => {
    chunks.push(chunk)
    received += chunk.length
    head ??= readHead(chunks)
    if (!head || !(head.total === null ? endsChunked(chunks) : received >= head.total)) return
    const { status, bodyStart, total } = head
    const body = (chunks.length === 1 ? chunk : Buffer.concat(chunks)).subarray(bodyStart)
    const answered = waiting
    waiting = null
    chunks = []
    received = 0
    head = null
    answered?.resolve({ status, body: total === null ? joinChunked(body) : body })
  })
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('close', () => waiting?.reject(new Error(`${address} has closed the connection`)))
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))

  return {
    send(request) {
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error(`${address} has closed the connection`))
        waiting = { resolve, reject }
        socket.write(request)
      })
    },
    close: () => socket.destroy(),
  }
}

/** For what is asked now and then: servers don't keep a connection that nothing comes on. */
export async function sendAlone(address: string, request: Buffer): Promise<Answer> {
  const connection = await openConnection(address)
  try {
    return await connection.send(request)
  } finally {
    connection.close()
  }
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

interface Head {
  status: number
  bodyStart: number
  total: number | null
}

function readHead(chunks: Buffer[]): Head | null {
  const start = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
  const end = start.indexOf('\r\n\r\n')
  if (end < 0) return null
  const text = start.toString('latin1', 0, end)
  const bodyStart = end + 4
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
  return { status: Number(text.slice(9, 12)), bodyStart, total: length ? bodyStart + Number(length) : null }
}

/** No JSON holds a line break of this kind, and nothing comes after the last chunk: we send one request at a time. */
function endsChunked(chunks: Buffer[]): boolean {
  const [last] = chunks.slice(-1) as [Buffer]
  const tail = last.length < 5 ? Buffer.concat(chunks.slice(-5)) : last
  return tail.subarray(-5).equals(lastChunk)
}

const lastChunk = Buffer.from('0\r\n\r\n')

function joinChunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, line), 16)
    if (!size) return Buffer.concat(parts)
    parts.push(body.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

/** A whole request, ready to be written. */
export function requestOf(path: string, body: string | Buffer, headers: Record<string, string> = {}): Buffer {
  const all = {
    host: 'bench',
    'content-type': 'application/json',
    ...headers,
    'content-length': Buffer.byteLength(body),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), Buffer.from(body)])
}
