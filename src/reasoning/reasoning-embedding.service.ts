import { randomUUID } from 'node:crypto'
import type { Queue } from '../infra/queue.ts'
import { createNudge } from '../nudge.ts'
import { embedReasoning } from './reasoning.jobs.ts'
import type { DueRecord, Embedded, ReasoningVectorRepository } from './reasoning-vector.repository.ts'

interface Dependencies {
  vectors: Pick<ReasoningVectorRepository, 'takeDue' | 'putBack' | 'storeVectors'>
  encoder: {
    readonly model: string
    encode(texts: readonly (readonly string[])[], signal?: AbortSignal): Promise<(Float32Array | null)[]>
  }
  queue: Pick<Queue, 'add'>
  /** Told once when the encoder fails at everything, and once when it is back. */
  outage: { began(error: unknown): void; ended(): void }
  onError: (error: unknown) => void
  nudgeMs?: number
}

/** So few, so that what is done is found soon and somebody's question isn't kept waiting behind many. */
const recordsAtOnce = 8
/** What a worker that is gone was at, others take over after so long. */
const leaseMs = 60_000
/** What the encoder fails at alone is tried again after a minute, then more seldom, at last every ten. */
const rest = { leastMs: 60_000, mostMs: 600_000 }
const atOnce = { leastMs: 0, mostMs: 0 }
const hopelessAfter = 2

/**
 * What is stored is embedded in the background, by whichever worker is free. A nudge costs those who store nothing, and
 * may get lost: then the sweep comes.
 *
 * A batch that fails is tried record by record: what fails alone rests, and holds nobody up. Where the first two do, the
 * encoder is at fault, and the job ends until the next sweep, which tries the next.
 */
export function createReasoningEmbedding({ vectors, encoder, queue, outage, onError, nudgeMs = 100 }: Dependencies) {
  /** One job of each process waits at most: it does all that is due when it begins, whoever brought it. */
  const id = randomUUID()
  const due = createNudge({
    send: () => queue.add(embedReasoning, {}, { id, againIfActive: true }),
    onError,
    afterMs: nudgeMs,
  })

  async function embed(records: readonly DueRecord[], signal: AbortSignal): Promise<void> {
    const found = await encoder.encode(records.map(partsOf), signal)
    await vectors.storeVectors(
      encoder.model,
      records.map(({ tenantId, id }, index): Embedded => ({ tenantId, id, vector: found[index] ?? null })),
    )
  }

  /** False: there is no use in going on. */
  async function embedEach(records: readonly DueRecord[], signal: AbortSignal): Promise<boolean> {
    const errors: unknown[] = []
    for (const [index, record] of records.entries()) {
      try {
        await embed([record], signal)
      } catch (error) {
        if (signal.aborted) throw error
        errors.push(error)
        await vectors.putBack([record], rest)
        if (index + 1 === hopelessAfter && errors.length === hopelessAfter) {
          await vectors.putBack(records.slice(hopelessAfter), atOnce)
          outage.began(error)
          return false
        }
      }
    }
    for (const error of errors) onError(error)
    return true
  }

  async function embedBatch(records: readonly DueRecord[], signal: AbortSignal): Promise<boolean> {
    try {
      await embed(records, signal)
      outage.ended()
      return true
    } catch (error) {
      if (!signal.aborted) return await embedEach(records, signal)
      throw error
    }
  }

  return {
    /** Something is due. Many in a short while are one. */
    nudge: due.soon,

    /**
     * Until nothing is due but what others are at, or what rests; or until nothing can be done. Says of each batch how
     * many it were.
     */
    async embedDue(signal: AbortSignal, onBatch: (records: number) => void = () => {}): Promise<void> {
      for (;;) {
        signal.throwIfAborted()
        const records = await vectors.takeDue(recordsAtOnce, leaseMs)
        if (records.length === 0) return
        try {
          if (!(await embedBatch(records, signal))) return
        } catch (error) {
          // Not for as long as the lease: whoever comes next may do it.
          await vectors.putBack(records, atOnce).catch(onError)
          throw error
        }
        onBatch(records.length)
      }
    },

    flush: due.flush,
    close: due.flush,
  }
}

/**
 * Each counts the same, however long it is: what a long record comes to is found as well as what a short one does. Of the
 * questions of bench/search-quality one in four more was answered with the summary as a part of its own.
 */
function partsOf({ summary, observations, hypothesis, conclusion, keyFacts }: DueRecord): string[] {
  const observed = observations.join('\n')
  const whole = [summary, observed, hypothesis ?? '', conclusion, ...keyFacts].join('\n')
  return [whole, summary, observed, hypothesis ?? '', conclusion]
}
