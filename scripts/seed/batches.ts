import type { TraceRecord } from './trace.ts'

/** A request may bring 1,000 spans, as many traces, and 10 MiB. */
const maxSpans = 900
const maxTraces = 900
const maxBytes = 6_000_000

export interface Batch {
  spans: number
  body: string
}

/** Traces as bodies for `POST /ingest`, each as large as is well taken. */
export function* batchesOf(traces: Iterable<TraceRecord>): Generator<Batch> {
  let texts: string[] = []
  let spans = 0
  let bytes = 0
  const close = (): Batch => ({ spans, body: `{"traces":[${texts.join(',')}]}` })
  for (const trace of traces) {
    const text = JSON.stringify(trace)
    const size = Buffer.byteLength(text)
    const isFull = spans + trace.spans.length > maxSpans || texts.length === maxTraces || bytes + size > maxBytes
    if (isFull && texts.length > 0) {
      yield close()
      texts = []
      spans = 0
      bytes = 0
    }
    texts.push(text)
    spans += trace.spans.length
    bytes += size
  }
  if (texts.length > 0) yield close()
}
