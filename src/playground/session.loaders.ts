import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { SessionService } from './session.service.ts'
import type { PlaygroundSession } from './session.ts'

interface Services {
  sessions: Pick<SessionService, 'findSessions'>
}

export function createSessionLoaders({ sessions }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    sessionById: new DataLoader<string, PlaygroundSession | null>((ids) => sessions.findSessions(viewer, ids), options),
  }
}
