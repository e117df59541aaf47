import DataLoader from 'dataloader'
import type { RawJson } from '../raw-json.ts'
import type { Viewer } from '../tenants/viewer.ts'
import type { TraceService } from './trace.service.ts'
import type { Trace, TraceContentField } from './trace.ts'

interface Services {
  traces: Pick<TraceService, 'findTraces' | 'findContents'>
}

interface ContentKey {
  traceId: string
  field: TraceContentField
}

export function createTraceLoaders({ traces }: Services, viewer: Viewer, options: { cache: boolean }) {
  /** One read for all traces and fields that a query selects. */
  async function loadContents(keys: readonly ContentKey[]): Promise<(RawJson | null)[]> {
    const traceIds = [...new Set(keys.map(({ traceId }) => traceId))]
    const fields = [...new Set(keys.map(({ field }) => field))]
    const found = await traces.findContents(viewer, traceIds, fields)
    return keys.map(({ traceId, field }) => found.get(traceId)?.[field] ?? null)
  }

  return {
    traceById: new DataLoader<string, Trace | null>((ids) => traces.findTraces(viewer, ids), options),
    traceContent: new DataLoader<ContentKey, RawJson | null, string>(loadContents, {
      ...options,
      cacheKeyFn: ({ traceId, field }) => `${field}/${traceId}`,
    }),
  }
}
