import type { Duplex, Writable } from 'node:stream'

/** What may wait in memory for a client that takes it slowly, and one write more. */
export const maxWaitingBytes = 65_536

/**
 * Nothing: it is on its way, and there is room for more. A promise: that it may be gone on when all has been taken, and
 * others have had their turn. A client that takes all it gets at once would keep the process to itself otherwise.
 */
export function writeTo(stream: Pick<Writable, 'write' | 'writableLength'>, bytes: Buffer): Promise<void> | undefined {
  if (stream.writableLength + bytes.length <= maxWaitingBytes) {
    stream.write(bytes)
    return undefined
  }
  return new Promise((resolve) => stream.write(bytes, () => setImmediate(resolve)))
}

const corked: Duplex[] = []

/** What is written to the stream until the event loop goes on leaves in one write. */
export function corkForThisTurn(stream: Duplex): void {
  if (stream.writableCorked > 0) return
  stream.cork()
  if (corked.push(stream) === 1) process.nextTick(uncorkAll)
}

function uncorkAll(): void {
  for (const stream of corked.splice(0)) stream.uncork()
}
