import type { LedgerKeyBox, ReasoningAppendRepository } from './reasoning-append.repository.ts'
import type { Change, Outcome } from './reasoning-append.ts'

export type ReasoningAppendService = ReturnType<typeof createReasoningAppendService>

interface Dependencies {
  appends: ReasoningAppendRepository
  keys: LedgerKeyBox
}

interface Waiting {
  change: Change
  resolve(outcome: Outcome): void
  reject(error: unknown): void
}

const maxBatch = 100
const maxBatchCharacters = 4_000_000
/** Connections that ledgers take at once, of the twenty that there are: others are asked for other things meanwhile. */
const maxAtOnce = 4

/**
 * A ledger has one order, so that its writers go one after another. What comes here while one of them is at work is
 * written together by the next: then a thousand of them wait for ten commits, and hold one connection, not a thousand.
 */
export function createReasoningAppendService({ appends, keys }: Dependencies) {
  const waiting = new Map<string, Waiting[]>()
  const due: string[] = []
  let atOnce = 0

  function begin(): void {
    while (atOnce < maxAtOnce) {
      const tenantId = due.shift()
      if (tenantId === undefined) return
      atOnce++
      void writeSome(tenantId).finally(() => {
        atOnce--
        begin()
      })
    }
  }

  async function writeSome(tenantId: string): Promise<void> {
    const all = waiting.get(tenantId) ?? []
    const batch = all.splice(0, countOfBatch(all))
    try {
      const changes = batch.map(({ change }) => change)
      const outcomes = await appends.append(tenantId, changes, keys)
      for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] as Outcome)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
    if (all.length > 0) due.push(tenantId)
    else waiting.delete(tenantId)
  }

  return {
    /** Resolves when it is committed. What fails has done nothing, and may be asked for again. */
    append(tenantId: string, change: Change): Promise<Outcome> {
      return new Promise((resolve, reject) => {
        const queue = waiting.get(tenantId)
        if (queue) queue.push({ change, resolve, reject })
        else {
          waiting.set(tenantId, [{ change, resolve, reject }])
          due.push(tenantId)
          begin()
        }
      })
    },
  }
}

function countOfBatch(all: readonly Waiting[]): number {
  let characters = 0
  let count = 0
  for (const { change } of all.slice(0, maxBatch)) {
    characters += JSON.stringify(change).length
    if (count > 0 && characters > maxBatchCharacters) break
    count++
  }
  return count
}
