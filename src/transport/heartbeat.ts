import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { createBeats } from './beats.ts'

/** Finds the peers that are gone. One that only takes its time, and be it a minute, is none. */
export interface Heartbeat {
  watch(socket: WebSocket, line: Socket): () => void
}

export interface HeartbeatOptions {
  /** How often a peer is pinged. */
  heartbeatMs?: number | undefined
  /** How long a ping may be unanswered. */
  silentMs?: number | undefined
}

export function createHeartbeat({ heartbeatMs = 5_000, silentMs = 60_000 }: HeartbeatOptions): Heartbeat {
  const beats = createBeats(heartbeatMs)
  const patience = Math.round(silentMs / heartbeatMs)

  return {
    watch(socket, line) {
      /** Counted in beats: a process that was held up itself blames nobody. */
      let unanswered = 0
      let { heard, taken, isFull } = signsOf(line)
      let isNew = true

      return beats.join(() => {
        // Who has only just come has a whole period to say who it is, and is not in doubt.
        if (isNew) {
          isNew = false
          return
        }
        const signs = signsOf(line)
        // What it sends, whatever it is. And of one that was behind, that it has taken something.
        if (signs.heard > heard || (isFull && signs.taken > taken)) unanswered = 0
        ;({ heard, taken, isFull } = signs)
        if (unanswered > patience) return socket.terminate()
        if (unanswered === 0) socket.ping()
        unanswered++
      })
    },
  }
}

interface Signs {
  heard: number
  taken: number
  isFull: boolean
}

/** What still waits here has not found a place with the kernel, whose own buffer is full of what the peer hasn't taken. */
function signsOf({ bytesRead, bytesWritten, writableLength }: Socket): Signs {
  return { heard: bytesRead, taken: bytesWritten - writableLength, isFull: writableLength > 0 }
}
