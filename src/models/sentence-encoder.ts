import { Worker } from 'node:worker_threads'
import { UnavailableError } from '../errors.ts'
import type { Encoder, Parts } from './encoder.ts'
import { createEncoderThread, type EncoderThread } from './encoder-thread.ts'
import { threadMark, threadUrl } from './sentence-encoder.thread.ts'

export interface SentenceEncoderOptions {
  /** After so long without a text the thread ends and gives its memory back: about 200 MB. */
  idleMs?: number
  startWorker?: () => Worker
}

/**
 * The encoder that needs nothing but what npm installed: Universal Sentence Encoder Lite, English, 512 dimensions.
 * - The model is loaded by the first text, within a thread; the event loop of the process never waits for it.
 * - Callers are served in turn, window by window (`window-turns.ts`); each has a few texts in the thread at once, so
 *   that batches are full and its memory holds no more.
 * - A thread that breaks off fails what is under way. The next text starts a new one, as after an idle time.
 * - Without a text under way the thread holds no process back from its end.
 */
export function createSentenceEncoder(options: SentenceEncoderOptions = {}): Encoder {
  const { idleMs = 10 * 60_000, startWorker = startSentenceWorker } = options
  const closed = new UnavailableError('The encoder of texts is closed.')
  let isClosed = false
  let thread: EncoderThread | null = null
  let ending: Promise<void> = Promise.resolve()
  let idleTimer: NodeJS.Timeout | undefined

  return {
    model: 'use-lite-en-512',
    async encode(texts, signal) {
      const vectors = new Array<Float32Array | null>(texts.length).fill(null)
      const rest = texts.entries()
      // All lanes take from the same iterator. They fail together, for one reason: abort, close or crash.
      const lane = async () => {
        for (const [index, parts] of rest) vectors[index] = await encodeText(parts, signal)
      }
      await Promise.all(Array.from({ length: textsAtOnce }, lane))
      return vectors
    },
    async close() {
      isClosed = true
      end(closed)
      await ending
    },
  }

  async function encodeText(parts: Parts, signal: AbortSignal | undefined): Promise<Float32Array | null> {
    signal?.throwIfAborted()
    if (isClosed) throw closed
    if (parts.every((part) => part.trim() === '')) return null
    clearTimeout(idleTimer)
    thread ??= createEncoderThread(startWorker(), { onIdle, onEnded })
    return thread.encode(parts, signal)
  }

  function onIdle(): void {
    clearTimeout(idleTimer)
    idleTimer = setTimeout(() => end(closed), idleMs).unref()
  }

  function onEnded(): void {
    thread = null
    clearTimeout(idleTimer)
  }

  function end(reason: Error): void {
    const ended = thread?.end(reason)
    ending = Promise.all([ending, ended]).then(() => {})
  }
}

const textsAtOnce = 4

function startSentenceWorker(): Worker {
  const options = { name: threadMark, workerData: threadMark }
  if (!threadUrl.pathname.endsWith('.ts')) return new Worker(threadUrl, options)
  // As it stands in the repository, and not in the bundle, it is TypeScript; tsx itself leaves threads alone.
  const script = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(threadUrl)})))`
  return new Worker(script, { ...options, eval: true })
}
