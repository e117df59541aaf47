import type { TraceCopies } from '../traces/trace-copies.ts'
import { cancelTopic, runTopic } from './run.ts'
import type { SessionRepository } from './session.repository.ts'

interface Dependencies {
  sessions: Pick<SessionRepository, 'removeSessionsOf'>
  bus: { wake(topic: string): void }
}

/** A session holds all that was in the call that it was opened from, and so does each of its runs. */
export function createSessionRemoval({ sessions, bus }: Dependencies): TraceCopies {
  return {
    /** Of sessions that were opened from the traces of such runs, too. */
    async remove(tenantId, traceIds) {
      const recorded = new Set<string>()
      for (let ids = traceIds; ids.length > 0; ) {
        const runs = await sessions.removeSessionsOf(tenantId, ids)
        // Their workers find that they are gone, and give the calls up.
        for (const { runId, isOpen } of runs) {
          if (!isOpen) continue
          bus.wake(cancelTopic(tenantId, runId))
          bus.wake(runTopic(tenantId, runId))
        }
        ids = runs.flatMap(({ traceId }) => (traceId === null || recorded.has(traceId) ? [] : [traceId]))
        for (const id of ids) recorded.add(id)
      }
      return [...recorded]
    },
  }
}
