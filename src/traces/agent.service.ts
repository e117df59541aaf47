import { cleanText } from '../clean.ts'
import { type Page, pageOf, readPage } from '../page.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { AgentRepository } from './agent.repository.ts'
import {
  type Agent,
  type AgentChoice,
  type AgentsInput,
  agentCursor,
  readAgentPosition,
  requireChoice,
} from './agent.ts'

/** A page of agents; how many there are in all is counted only where a client asks. */
export interface AgentPage extends Page<Agent> {
  cursorOf(agent: Agent): string
  countAll(): Promise<number>
}

interface Dependencies {
  agents: AgentRepository
}

export type AgentService = ReturnType<typeof createAgentService>

export function createAgentService({ agents }: Dependencies) {
  return {
    async listAgents(viewer: Viewer, { search: given, ...input }: AgentsInput): Promise<AgentPage> {
      requireScope(viewer, 'READ')
      const search = given ? cleanText(given) : null
      const page = readPage(input)
      const after = readAgentPosition(page)
      const rows = await agents.listAgents(viewer.tenantId, { search, after, limit: page.size + 1 })
      return {
        ...pageOf(rows, page),
        cursorOf: agentCursor,
        countAll: () => agents.countAgents(viewer.tenantId, search),
      }
    },

    async findAgent(viewer: Viewer, given: AgentChoice): Promise<Agent | null> {
      requireScope(viewer, 'READ')
      const choice = requireChoice(given)
      const [agent] =
        'id' in choice
          ? await agents.findAgents(viewer.tenantId, [choice.id])
          : await agents.findAgentsByName(viewer.tenantId, [choice.name])
      return agent ?? null
    },

    /** In the order asked. */
    async findAgentsByName(viewer: Viewer, names: readonly string[]): Promise<(Agent | null)[]> {
      requireScope(viewer, 'READ')
      const found = await agents.findAgentsByName(viewer.tenantId, names)
      const byName = new Map(found.map((agent) => [agent.name, agent]))
      return names.map((name) => byName.get(name) ?? null)
    },
  }
}
