import DataLoader from 'dataloader'
import { keyOfNamedEtag, type NamedEtag } from '../prompts/prompt.ts'
import type { Viewer } from '../tenants/viewer.ts'
import type { TraceFilter } from './trace-filter.ts'
import type { TraceStatsService } from './trace-stats.service.ts'
import type { AgentStats } from './trace-stats.ts'

interface Services {
  traceStats: Pick<TraceStatsService, 'listAgentStats' | 'listVersionStats'>
}

export function createTraceStatsLoaders({ traceStats }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    /** By the agent's name: one query for all agents. */
    agentStats: byFilter(
      (filter) =>
        new DataLoader<string, AgentStats>((names) => traceStats.listAgentStats(viewer, names, filter), options),
    ),
    /** One query for all versions of a prompt. */
    promptVersionStats: byFilter(
      (filter) =>
        new DataLoader<NamedEtag, AgentStats, string>(
          (versions) => traceStats.listVersionStats(viewer, versions, filter),
          { ...options, cacheKeyFn: keyOfNamedEtag },
        ),
    ),
  }
}

type Filter = TraceFilter | null | undefined

/** A loader for each filter: one that is refused fails alone. */
function byFilter<Loader>(create: (filter: Filter) => Loader): (filter: Filter) => Loader {
  const loaders = new Map<string, Loader>()
  return (filter) => {
    const key = JSON.stringify(filter ?? null)
    const loader = loaders.get(key) ?? create(filter)
    loaders.set(key, loader)
    return loader
  }
}
