import { cleanText } from '../clean.ts'
import { NotFoundError } from '../errors.ts'
import type { NamedEtag } from '../prompts/prompt.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { AgentRepository } from './agent.repository.ts'
import { checkFilter, type TraceFilter } from './trace-filter.ts'
import type { TraceStatsRepository } from './trace-stats.repository.ts'
import {
  type AgentStats,
  type ComparedAgent,
  maxBuckets,
  noStats,
  requireBuckets,
  type StatsGroup,
  type StatsInterval,
  type TraceStatsBucket,
} from './trace-stats.ts'

export interface TraceStatsInput {
  filter?: TraceFilter | null | undefined
  interval: StatsInterval
  groupBy?: StatsGroup | null | undefined
}

export interface AgentComparisonInput {
  a: string
  b: string
  filter?: TraceFilter | null | undefined
}

interface Dependencies {
  stats: TraceStatsRepository
  agents: Pick<AgentRepository, 'findAgents'>
}

export type TraceStatsService = ReturnType<typeof createTraceStatsService>

export function createTraceStatsService({ stats, agents }: Dependencies) {
  return {
    /** For each name, in the order asked; an agent without such traces has stats too. */
    async listAgentStats(viewer: Viewer, names: readonly string[], filter?: TraceFilter | null): Promise<AgentStats[]> {
      requireScope(viewer, 'READ')
      const agents = { column: 'agent' as const, values: names }
      const byName = await stats.findStats(viewer.tenantId, agents, checkFilter(filter ?? {}))
      return names.map((name) => byName.get(name) ?? noStats)
    },

    /** For each version, in the order asked: over the traces that name its prompt and have its etag. */
    async listVersionStats(
      viewer: Viewer,
      versions: readonly NamedEtag[],
      filter?: TraceFilter | null,
    ): Promise<AgentStats[]> {
      requireScope(viewer, 'READ')
      const checked = checkFilter(filter ?? {})
      const names = [...new Set(versions.map(({ promptName }) => promptName))]
      const found = await Promise.all(
        names.map(async (promptName): Promise<[string, Map<string, AgentStats>]> => {
          const own = versions.filter((version) => version.promptName === promptName)
          const etags = { column: 'etag' as const, values: own.map(({ etag }) => etag) }
          return [promptName, await stats.findStats(viewer.tenantId, etags, { and: [{ promptName }, checked] })]
        }),
      )
      const byName = new Map(found)
      return versions.map(({ promptName, etag }) => byName.get(promptName)?.get(etag) ?? noStats)
    },

    async compareAgents(viewer: Viewer, { a, b, filter }: AgentComparisonInput): Promise<ComparedAgent[]> {
      requireScope(viewer, 'READ')
      const checked = checkFilter(filter ?? {})
      const found = await agents.findAgents(viewer.tenantId, [cleanText(a), cleanText(b)])
      const byId = new Map(found.map((agent) => [agent.id, agent]))
      const compared = Object.entries({ a, b }).map(([field, id]) => {
        const agent = byId.get(cleanText(id))
        if (!agent) throw new NotFoundError('agent', id, field)
        return agent
      })
      const names = compared.map(({ name }) => name)
      const byName = await stats.findStats(viewer.tenantId, { column: 'agent', values: names }, checked)
      return compared.map((agent) => ({ agent, stats: byName.get(agent.name) ?? noStats }))
    },

    async listTraceStats(viewer: Viewer, { filter, interval, groupBy }: TraceStatsInput): Promise<TraceStatsBucket[]> {
      requireScope(viewer, 'READ')
      const buckets = await stats.listBuckets(viewer.tenantId, checkFilter(filter ?? {}), {
        interval,
        groupBy: groupBy ?? 'NONE',
        limit: maxBuckets + 1,
      })
      requireBuckets(buckets, interval)
      return buckets
    },
  }
}
