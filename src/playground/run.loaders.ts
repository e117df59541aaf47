import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { RunService } from './run.service.ts'
import type { PlaygroundRun } from './run.ts'

interface Services {
  runs: Pick<RunService, 'findRuns'>
}

export function createRunLoaders({ runs }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    runById: new DataLoader<string, PlaygroundRun | null>((ids) => runs.findRuns(viewer, ids), options),
  }
}
