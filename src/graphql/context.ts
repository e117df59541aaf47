import { createRunLoaders } from '../playground/run.loaders.ts'
import { createSessionLoaders } from '../playground/session.loaders.ts'
import { createPromptLoaders } from '../prompts/prompt.loaders.ts'
import { createReasoningLoaders } from '../reasoning/reasoning.loaders.ts'
import type { Services } from '../services.ts'
import { createTenantLoaders } from '../tenants/tenant.loaders.ts'
import type { Viewer } from '../tenants/viewer.ts'
import { createAgentLoaders } from '../traces/agent.loaders.ts'
import { createSpanLoaders } from '../traces/span.loaders.ts'
import { createTraceLoaders } from '../traces/trace.loaders.ts'
import { createTraceDriftLoaders } from '../traces/trace-drift.loaders.ts'
import { createTraceStatsLoaders } from '../traces/trace-stats.loaders.ts'

/** What a transport knows of a request before it is executed. */
export interface RequestContext {
  viewer: Viewer
  requestId: string
}

export interface Context extends RequestContext {
  services: Services
  loaders: Loaders
}

export type Loaders = ReturnType<typeof createLoaders>

/**
 * Loaders batch; those of a query also remember for as long as it runs. Those of a subscription live as long as it
 * does and must not remember, or every event would show what the first one saw; nor may those of a mutation, whose
 * fields are executed one after the other: each would show what was there before it.
 */
export function createLoaders(services: Services, viewer: Viewer, { remember }: { remember: boolean }) {
  const options = { cache: remember }
  return {
    ...createTenantLoaders(services, viewer, options),
    ...createPromptLoaders(services, viewer, options),
    ...createAgentLoaders(services, viewer, options),
    ...createSpanLoaders(services, viewer, options),
    ...createTraceLoaders(services, viewer, options),
    ...createTraceDriftLoaders(services, viewer, options),
    ...createTraceStatsLoaders(services, viewer, options),
    ...createSessionLoaders(services, viewer, options),
    ...createRunLoaders(services, viewer, options),
    ...createReasoningLoaders(services, viewer, options),
  }
}
