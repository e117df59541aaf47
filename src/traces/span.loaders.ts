import DataLoader from 'dataloader'
import type { RawJson } from '../raw-json.ts'
import type { Viewer } from '../tenants/viewer.ts'
import type { SpanContentKey, SpanService } from './span.service.ts'
import type { Span, SpanKey } from './span.ts'
import type { SpanTree } from './span-tree.ts'

interface Services {
  spans: Pick<SpanService, 'listSpanTrees' | 'findSpans' | 'listContents'>
}

export function createSpanLoaders({ spans }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    spanTreeByTraceId: new DataLoader<string, SpanTree>((traceIds) => spans.listSpanTrees(viewer, traceIds), options),
    spanById: new DataLoader<SpanKey, Span | null, string>((keys) => spans.findSpans(viewer, keys), {
      ...options,
      cacheKeyFn: ({ traceId, spanId }) => `${traceId}\0${spanId}`,
    }),
    spanContent: new DataLoader<SpanContentKey, RawJson | null, string>((keys) => spans.listContents(viewer, keys), {
      ...options,
      cacheKeyFn: ({ traceId, spanId, field }) => `${field}\0${traceId}\0${spanId}`,
    }),
  }
}
