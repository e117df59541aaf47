import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { TraceFilter } from './trace-filter.ts'
import type { TraceStatsService } from './trace-stats.service.ts'
import type { AgentStats } from './trace-stats.ts'

interface Services {
  traceStats: Pick<TraceStatsService, 'listAgentStats'>
}

export function createTraceStatsLoaders({ traceStats }: Services, viewer: Viewer, options: { cache: boolean }) {
  const byFilter = new Map<string, DataLoader<string, AgentStats>>()

  return {
    /** By the agent's name. A loader for each filter: one query for all agents, and a filter that is refused fails alone. */
    agentStats(filter: TraceFilter | null | undefined): DataLoader<string, AgentStats> {
      const key = JSON.stringify(filter ?? null)
      const known = byFilter.get(key)
      if (known) return known
      const loader = new DataLoader<string, AgentStats>(
        (names) => traceStats.listAgentStats(viewer, names, filter),
        options,
      )
      byFilter.set(key, loader)
      return loader
    },
  }
}
