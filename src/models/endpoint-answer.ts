import { isRecord, parseJson } from '../json-record.ts'
import { unitVector } from './mean-vector.ts'

/** The answer isn't one that was asked for; says what was required and what came. */
export class EndpointAnswerError extends Error {
  override readonly name = 'EndpointAnswerError'
}

/** The vectors in the order of the inputs, each of length 1. */
export function readEndpointAnswer(body: string, count: number): Float32Array[] {
  const answer = parseJson(body)
  const data = isRecord(answer) ? answer.data : null
  if (!Array.isArray(data)) throw new EndpointAnswerError('Required was JSON with a list "data".')
  if (data.length !== count) {
    throw new EndpointAnswerError(`Required were ${count} vectors, and ${data.length} came.`)
  }
  const vectors = inOrder(data).map(readVector)
  const lengths = new Set(vectors.map((vector) => vector.length))
  if (lengths.size > 1) {
    throw new EndpointAnswerError(
      `Required were vectors of equal length, and those of ${[...lengths].join(', ')} came.`,
    )
  }
  return vectors
}

/** By `index`, which is the protocol; as they came where a server leaves it out altogether. */
function inOrder(data: unknown[]): unknown[] {
  const indexes = data.map((item) => (isRecord(item) ? item.index : undefined))
  if (indexes.every((index) => index === undefined)) return data
  const sorted = new Array(data.length).fill(undefined)
  for (const [place, index] of indexes.entries()) {
    if (typeof index === 'number' && index in sorted) sorted[index] ??= data[place]
  }
  if (sorted.includes(undefined)) throw new EndpointAnswerError('Required was each "index" once.')
  return sorted
}

function readVector(item: unknown): Float32Array {
  const embedding = isRecord(item) ? item.embedding : null
  const values = typeof embedding === 'string' ? fromBase64(embedding) : embedding
  if (!isNumbers(values)) throw new EndpointAnswerError('Required was an "embedding" of numbers, or base64 of floats.')
  const vector = unitVector(values)
  if (vector === null) throw new EndpointAnswerError('Required were finite numbers, not all of them zero.')
  return vector
}

function isNumbers(values: unknown): values is ArrayLike<number> {
  if (values instanceof Float32Array) return true
  return Array.isArray(values) && values.every((value) => typeof value === 'number')
}

/** Some servers send it whatever was asked for: 32 bits each, the lowest byte first. */
function fromBase64(text: string): Float32Array | null {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 0 || bytes.length % 4 !== 0) return null
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4))
}
