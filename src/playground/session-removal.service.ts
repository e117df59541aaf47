import type { TraceCopies } from '../traces/trace-copies.ts'
import { cancelTopic, runTopic } from './run.ts'
import type { SessionRepository } from './session.repository.ts'

interface Dependencies {
  sessions: Pick<SessionRepository, 'listRunIdsOf' | 'removeSessionsOf'>
  bus: { wake(topic: string): void }
}

/** A session holds all that was in the call that it was opened from, and so does each of its runs. */
export function createSessionRemoval({ sessions, bus }: Dependencies): TraceCopies {
  return {
    /** Of sessions that were opened from the traces of such runs, too. */
    async listTraceIds(tenantId, traceIds) {
      const found = new Set<string>()
      for (let ids = traceIds; ids.length > 0; ) {
        ids = (await sessions.listRunIdsOf(tenantId, ids)).filter((id) => !found.has(id))
        for (const id of ids) found.add(id)
      }
      return [...found]
    },

    async remove(tenantId, traceIds) {
      // Their workers find that they are gone, and give the calls up.
      for (const runId of await sessions.removeSessionsOf(tenantId, traceIds)) {
        bus.wake(cancelTopic(tenantId, runId))
        bus.wake(runTopic(tenantId, runId))
      }
    },
  }
}
