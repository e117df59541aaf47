import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { AgentService } from './agent.service.ts'
import type { Agent } from './agent.ts'

interface Services {
  agents: Pick<AgentService, 'findAgentsByName'>
}

export function createAgentLoaders({ agents }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    agentByName: new DataLoader<string, Agent | null>((names) => agents.findAgentsByName(viewer, names), options),
  }
}
