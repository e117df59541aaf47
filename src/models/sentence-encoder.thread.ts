import { setImmediate as nextTurn } from 'node:timers/promises'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Parts } from './encoder.ts'
import { createWindowTurns } from './window-turns.ts'

/**
 * What runs in the thread of the built-in encoder, and where it lies. Whatever fails in here ends the thread: memory of
 * WASM can't be trusted after an error. An entry of the bundle, so that it is a file of its own there too.
 */
export const threadUrl = new URL(import.meta.url)
export const threadMark = 'sentence-encoder'

export type ToThread = { id: number; parts: Parts } | { id: number; isDropped: true }
export interface FromThread {
  id: number
  vector: Float32Array | null
}

/** Four at once are 1.6 times as fast as one by one, and more no faster; 65 ms, which is what a newcomer waits. */
const batchSize = 4

if (parentPort && workerData === threadMark) serve(parentPort)

async function serve(port: MessagePort): Promise<void> {
  // One of the libraries' libraries uses node's punycode, and Node 22 tells everybody.
  process.noDeprecation = true
  const { loadSentenceModel } = await import('./sentence-model.ts')
  const model = await loadSentenceModel()
  const turns = createWindowTurns((id, vector) => {
    const answer: FromThread = { id, vector }
    port.postMessage(answer, vector ? [vector.buffer as ArrayBuffer] : [])
  })
  let isWorking = false

  port.on('message', (message: ToThread) => {
    if ('parts' in message) turns.add({ id: message.id, parts: model.cut(message.parts) })
    else turns.drop(message.id)
    if (!isWorking) work()
  })

  async function work(): Promise<void> {
    isWorking = true
    while (true) {
      // Messages come in between.
      await nextTurn()
      const windows = turns.take(batchSize)
      if (windows.length === 0) break
      const vectors = await model.embed(windows.map(({ text }) => text))
      for (const [index, window] of windows.entries()) window.give(vectors[index] as Float32Array)
    }
    isWorking = false
  }
}
