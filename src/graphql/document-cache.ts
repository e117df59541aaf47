import type { DocumentNode } from 'graphql'

/**
 * Parsed documents by their text, so that a client that repeats itself is parsed and validated once. Anybody may send
 * documents, also without a key, and a parsed one holds up to 200 times its text: what is kept is bounded by the length
 * of the texts, not by their number. The one used longest ago goes first.
 */
const maxTextLength = 10_000
const maxTotalLength = 500_000

interface Cache<Value> {
  get(text: string): Value | undefined
  set(text: string, value: Value): void
}

export function createDocumentCache(): Cache<DocumentNode> {
  const documents = new Map<string, DocumentNode>()
  let totalLength = 0

  return {
    get(text) {
      const document = documents.get(text)
      if (!document) return undefined
      documents.delete(text)
      documents.set(text, document)
      return document
    },
    set(text, document) {
      if (text.length > maxTextLength || documents.has(text)) return
      documents.set(text, document)
      totalLength += text.length
      for (const oldest of documents.keys()) {
        if (totalLength <= maxTotalLength) return
        documents.delete(oldest)
        totalLength -= oldest.length
      }
    },
  }
}

/** No client needs to be told quickly what is wrong with its document. */
export const nothingCached: Cache<unknown> = { get: () => undefined, set: () => {} }
