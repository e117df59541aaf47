import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

const ends = new Map<number, Socket>()

subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket }
  const { remotePort } = socket
  if (remotePort === undefined) return
  ends.set(remotePort, socket)
  socket.once('close', () => {
    if (ends.get(remotePort) === socket) ends.delete(remotePort)
  })
})

/** The end, in an app of this process, of the socket that has this port at its client's end. */
export function serverEndOf(localPort: number): Socket {
  const end = ends.get(localPort)
  if (!end) throw new Error(`no server of this process has a socket from port ${localPort}`)
  return end
}
