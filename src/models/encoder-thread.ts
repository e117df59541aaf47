import type { Worker } from 'node:worker_threads'
import { UnavailableError } from '../errors.ts'
import type { Parts } from './encoder.ts'
import type { FromThread, ToThread } from './sentence-encoder.thread.ts'

export interface EncoderThread {
  encode(parts: Parts, signal?: AbortSignal): Promise<Float32Array | null>
  /** Also while it is still loading; what is under way fails with the reason. */
  end(reason: Error): Promise<void>
}

export interface EncoderThreadEvents {
  /** Nothing is under way any more. */
  onIdle(): void
  /** By itself or by `end`, once: what was under way has failed by now. */
  onEnded(): void
}

interface Asked {
  resolve(vector: Float32Array | null): void
  reject(reason: unknown): void
}

/** A running thread as a function. It keeps the process alive exactly while somebody waits for an answer. */
export function createEncoderThread(worker: Worker, { onIdle, onEnded }: EncoderThreadEvents): EncoderThread {
  const asked = new Map<number, Asked>()
  let lastId = 0
  let hasEnded = false

  worker.on('message', ({ id, vector }: FromThread) => asked.get(id)?.resolve(vector))
  worker.on('error', (error) => finish(broken(error)))
  worker.on('exit', (code) => finish(broken(new Error(`It exited with ${code}.`))))
  worker.unref()

  return {
    encode(parts, signal) {
      const id = ++lastId
      const answer = ask(id, signal)
      post({ id, parts })
      return answer
    },
    async end(reason) {
      finish(reason)
      await worker.terminate()
    },
  }

  function ask(id: number, signal: AbortSignal | undefined): Promise<Float32Array | null> {
    worker.ref()
    return new Promise((resolve, reject) => {
      const settle = (answer: () => void) => {
        asked.delete(id)
        signal?.removeEventListener('abort', onAbort)
        answer()
        if (asked.size > 0 || hasEnded) return
        worker.unref()
        onIdle()
      }
      const onAbort = () => {
        post({ id, isDropped: true })
        settle(() => reject(signal?.reason))
      }
      signal?.addEventListener('abort', onAbort)
      asked.set(id, {
        resolve: (vector) => settle(() => resolve(vector)),
        reject: (reason) => settle(() => reject(reason)),
      })
    })
  }

  function post(message: ToThread): void {
    worker.postMessage(message)
  }

  function finish(reason: Error): void {
    if (hasEnded) return
    hasEnded = true
    worker.unref()
    onEnded()
    for (const { reject } of [...asked.values()]) reject(reason)
  }
}

function broken(cause: unknown): UnavailableError {
  return new UnavailableError('The encoder of texts broke off; the next text starts it anew.', cause)
}
