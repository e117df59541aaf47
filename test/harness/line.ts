import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A TCP line between the program and what it depends on, on which the accidents of a network can be had.
 * States: open; cut (connections end, new ones are refused); frozen (connections stay, nothing passes any more).
 */
export interface Line {
  port: number
  cut(): Promise<void>
  freeze(): void
  restore(): Promise<void>
  close(): Promise<void>
}

/** A line to where the URL points, and the URL that leads over it. */
export async function startLineTo(direct: string): Promise<{ line: Line; url: string }> {
  const url = new URL(direct)
  const line = await startLine({ host: url.hostname, port: Number(url.port || 5432) })
  url.hostname = '127.0.0.1'
  url.port = String(line.port)
  return { line, url: url.toString() }
}

export async function startLine(target: { host: string; port: number }): Promise<Line> {
  const sockets = new Set<Socket>()
  let isFrozen = false
  let server = await listen(0)
  const { port } = server.address() as AddressInfo

  async function listen(on: number): Promise<Server> {
    const listening = createServer(join).listen(on, '127.0.0.1')
    await once(listening, 'listening')
    return listening
  }

  function join(near: Socket): void {
    const far = connect(target)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (bytes) => isFrozen || other.write(bytes))
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        if (!isFrozen) other.destroy()
      })
    }
  }

  function drop(): void {
    for (const socket of sockets) socket.destroy()
  }

  async function cut(): Promise<void> {
    const closed = once(server, 'close')
    server.close()
    drop()
    await closed
  }

  return {
    port,
    cut,
    freeze() {
      isFrozen = true
    },
    async restore() {
      if (isFrozen) drop()
      isFrozen = false
      if (!server.listening) server = await listen(port)
    },
    async close() {
      isFrozen = false
      if (server.listening) await cut()
    },
  }
}
