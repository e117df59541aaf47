import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { Trace } from './trace.ts'
import type { TraceDriftService } from './trace-drift.service.ts'
import type { DriftTarget, TraceDrift } from './trace-drift.ts'

interface Services {
  traceDrifts: TraceDriftService
}

export function createTraceDriftLoaders({ traceDrifts }: Services, viewer: Viewer, { cache }: { cache: boolean }) {
  const against = (target: DriftTarget) =>
    new DataLoader<Trace, TraceDrift | null, string>((traces) => traceDrifts.listDrifts(viewer, traces, target), {
      cache,
      cacheKeyFn: ({ id }) => id,
    })
  return { traceDrift: { PUBLISHED: against('PUBLISHED'), DRAFT: against('DRAFT') } }
}
