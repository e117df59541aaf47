import DataLoader from 'dataloader'
import type { RawJson } from '../raw-json.ts'
import type { Viewer } from '../tenants/viewer.ts'
import type { TraceContentKey, TraceService } from './trace.service.ts'
import type { Trace } from './trace.ts'

interface Services {
  traces: Pick<TraceService, 'findTraces' | 'listContents'>
}

export function createTraceLoaders({ traces }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    traceById: new DataLoader<string, Trace | null>((ids) => traces.findTraces(viewer, ids), options),
    traceContent: new DataLoader<TraceContentKey, RawJson | null, string>((keys) => traces.listContents(viewer, keys), {
      ...options,
      cacheKeyFn: ({ traceId, field }) => `${field}/${traceId}`,
    }),
  }
}
