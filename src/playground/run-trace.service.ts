import type { Viewer } from '../tenants/viewer.ts'
import type { IngestService } from '../traces/ingest.service.ts'
import type { PlaygroundRun } from './run.ts'
import { traceOfRun } from './run-trace.ts'
import type { SessionRepository } from './session.repository.ts'

interface Dependencies {
  sessions: Pick<SessionRepository, 'findSessions'>
  ingest: Pick<IngestService, 'ingestTraces'>
  onRefused(problems: object): void
}

export type RunTraceService = ReturnType<typeof createRunTraceService>

export function createRunTraceService({ sessions, ingest, onRefused }: Dependencies) {
  return {
    /** Stores what a run was as a trace, through the door of clients. Its id; null where it was refused there. */
    async recordTrace(tenantId: string, run: PlaygroundRun): Promise<string | null> {
      const [session] = await sessions.findSessions(tenantId, [run.sessionId])
      const viewer: Viewer = { tenantId, keyId: '', keyName: 'playground', scopes: ['INGEST'], expiresAt: null }
      const { accepted, errors } = await ingest.ingestTraces(viewer, [traceOfRun(run, session ?? null)])
      if (errors.length > 0) onRefused({ runId: run.id, errors })
      return accepted === 1 ? run.id : null
    },
  }
}
