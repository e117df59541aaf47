import { meanOfParts } from './mean-vector.ts'

/** A text that is encoded: by what it was asked for, and the windows of each of its parts. */
export interface WindowedText {
  id: number
  parts: readonly (readonly string[])[]
}

export interface Window {
  text: string
  /** To be called once, with what the model made of it. */
  give(vector: Float32Array): void
}

export type OnVector = (id: number, vector: Float32Array | null) => void

/**
 * Whose windows are encoded next. Every text that is under way gives one window in turn, so that a short text never
 * waits for the end of a long one, and no text waits for ever: among n texts a window comes up after n others at most.
 */
export function createWindowTurns(onVector: OnVector) {
  /** In the order in which it is their turn; without those of which all windows are being encoded. */
  const waiting = new Map<number, Generator<Window>>()

  return {
    add({ id, parts }: WindowedText) {
      if (parts.every((windows) => windows.length === 0)) return onVector(id, null)
      waiting.set(id, windowsOf(id, parts, onVector))
    },
    /** Nobody waits for it any more. What is being encoded of it still is, and may be announced. */
    drop(id: number) {
      waiting.delete(id)
    },
    take(max: number): Window[] {
      const taken: Window[] = []
      for (const [id, windows] of waiting) {
        if (taken.length === max) break
        waiting.delete(id)
        const { value } = windows.next()
        if (!value) continue
        taken.push(value)
        // At the end, where this very loop comes by again.
        waiting.set(id, windows)
      }
      return taken
    },
  }
}

function* windowsOf(id: number, parts: WindowedText['parts'], onVector: OnVector): Generator<Window> {
  const vectors: Float32Array[][] = parts.map(() => [])
  let missing = parts.reduce((sum, windows) => sum + windows.length, 0)
  for (const [index, windows] of parts.entries()) {
    for (const text of windows) {
      yield {
        text,
        give(vector) {
          vectors[index]?.push(vector)
          missing--
          if (missing === 0) onVector(id, meanOfParts(vectors))
        },
      }
    }
  }
}
