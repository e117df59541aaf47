import type { Pool } from 'pg'
import type { EmbeddingSettings, Limits, ModelSettings } from './config.ts'
import { createFeedRepository } from './feed/feed.repository.ts'
import { createFeedService } from './feed/feed.service.ts'
import { createFeedHorizonRepository } from './feed/feed-horizon.repository.ts'
import { createFeedHorizon } from './feed/feed-horizon.service.ts'
import { createFeedRetentionRepository } from './feed/feed-retention.repository.ts'
import { createFeedRetentionService } from './feed/feed-retention.service.ts'
import { createWakeupSource } from './feed/wakeups.ts'
import type { PrismaClient } from './generated/prisma/client.ts'
import type { Bus } from './infra/bus.ts'
import type { Closers } from './infra/closers.ts'
import { isDatabaseOutage } from './infra/database-errors.ts'
import type { Logger } from './infra/logger.ts'
import { createPatience } from './infra/patience.ts'
import type { Queue } from './infra/queue.ts'
import type { SecretBox } from './infra/secret-box.ts'
import { createLazyModelGateway } from './models/lazy-gateway.ts'
import { createProviderRepository } from './playground/provider.repository.ts'
import { createProviderService } from './playground/provider.service.ts'
import { createRunRepository } from './playground/run.repository.ts'
import { createRunService } from './playground/run.service.ts'
import { createRunComparisonService } from './playground/run-comparison.service.ts'
import { createRunExecution } from './playground/run-execution.service.ts'
import { createRunTraceService } from './playground/run-trace.service.ts'
import { createSessionRepository } from './playground/session.repository.ts'
import { createSessionService } from './playground/session.service.ts'
import { createSessionOpeningService } from './playground/session-opening.service.ts'
import { createSessionRemoval } from './playground/session-removal.service.ts'
import { createCompileService } from './prompts/compile.service.ts'
import { createPromptRepository } from './prompts/prompt.repository.ts'
import { createPromptService } from './prompts/prompt.service.ts'
import { createPromptDiffService } from './prompts/prompt-diff.service.ts'
import { createPromptDraftRepository } from './prompts/prompt-draft.repository.ts'
import { createPromptDraftService } from './prompts/prompt-draft.service.ts'
import { createPromptLabelRepository } from './prompts/prompt-label.repository.ts'
import { createPromptSourceRepository } from './prompts/prompt-source.repository.ts'
import { createPromptSources } from './prompts/prompt-sources.service.ts'
import { createPromptVersionRepository } from './prompts/prompt-version.repository.ts'
import { createPromptVersionService } from './prompts/prompt-version.service.ts'
import { createPublishRepository } from './prompts/publish.repository.ts'
import { createPublishService } from './prompts/publish.service.ts'
import { createReasoningServices } from './reasoning-services.ts'
import { createApiKeyRepository } from './tenants/api-key.repository.ts'
import { createApiKeyService } from './tenants/api-key.service.ts'
import { createAuthenticationService } from './tenants/authentication.service.ts'
import { createKeyWatch } from './tenants/key-watch.service.ts'
import { createLastUsed } from './tenants/last-used.service.ts'
import { createRetentionService } from './tenants/retention.service.ts'
import type { RetentionRule } from './tenants/retention.ts'
import { createTenantRepository } from './tenants/tenant.repository.ts'
import { createTenantService } from './tenants/tenant.service.ts'
import { createUsageRepository } from './tenants/usage.repository.ts'
import { createViewerService } from './tenants/viewer.service.ts'
import { createAgentRepository } from './traces/agent.repository.ts'
import { createAgentService } from './traces/agent.service.ts'
import { createIngestRepository } from './traces/ingest.repository.ts'
import { createIngestService } from './traces/ingest.service.ts'
import { createModelPriceRepository } from './traces/model-price.repository.ts'
import { createModelPriceService } from './traces/model-price.service.ts'
import { createSearchIndexRepository } from './traces/search-index.repository.ts'
import { createSearchIndexService } from './traces/search-index.service.ts'
import { createSpanRepository } from './traces/span.repository.ts'
import { createSpanService } from './traces/span.service.ts'
import { createSpanContentRepository } from './traces/span-content.repository.ts'
import { createSpanEventService } from './traces/span-event.service.ts'
import { createTraceRepository } from './traces/trace.repository.ts'
import { createTraceService } from './traces/trace.service.ts'
import { createTraceContentRepository } from './traces/trace-content.repository.ts'
import { createTraceDriftService } from './traces/trace-drift.service.ts'
import { createTraceEventService } from './traces/trace-event.service.ts'
import { createTraceListRepository } from './traces/trace-list.repository.ts'
import { createTraceStatsRepository } from './traces/trace-stats.repository.ts'
import { createTraceStatsService } from './traces/trace-stats.service.ts'
import { createTraceUseRepository } from './traces/trace-use.repository.ts'

export type Services = ReturnType<typeof createServices>

interface Dependencies {
  limits: Pick<Limits, 'ingestSpans' | 'feedHours' | 'runs'>
  models: ModelSettings
  embeddings: EmbeddingSettings | null
  prisma: PrismaClient
  pool: Pool
  ingestPool: Pool
  queue: Queue
  bus: Bus
  secretBox: SecretBox
  logger: Logger
  closers: Closers
}

/** How long a lost wake-up can delay what a subscriber hears. */
const pollMs = 5_000

/** Repositories and services, put together by hand; the order is that of the domains' ladder. */
export function createServices(dependencies: Dependencies) {
  const { limits, models, prisma, pool, ingestPool, queue, bus, secretBox, logger, closers } = dependencies
  const onError = (error: unknown) => logger.warn({ err: error }, 'work in the background failed; it is tried again')
  const wakeups = createWakeupSource({ bus, pollMs })

  const feedHorizon = createFeedHorizon({
    horizon: createFeedHorizonRepository(pool),
    logger,
    onError: (error) => isDatabaseOutage(error) || onError(error),
  })
  closers.add('feed horizon', () => feedHorizon.close())
  const feedRetention = createFeedRetentionService({
    feed: createFeedRetentionRepository(pool),
    hours: limits.feedHours,
    onRemoved: (removed) => logger.debug(removed, 'old events were removed from the feed'),
    onFuture: (removed) =>
      logger.warn(removed, 'events were removed from the feed that a dump of another database cluster had brought'),
  })

  const patience = createPatience(logger, 'the database of the feed')
  const feed = createFeedService({
    feed: createFeedRepository(pool),
    bus,
    patience,
    feedHours: limits.feedHours,
    pollMs,
  })
  closers.add('feed', async () => feed.close())

  const tenants = createTenantRepository(prisma)
  const keys = createApiKeyRepository(prisma, pool)
  const usage = createUsageRepository(prisma)

  const lastUsed = createLastUsed({ keys, onError })
  closers.add('last use of keys', () => lastUsed.close())
  const keyWatch = createKeyWatch({ keys, bus, onError })
  closers.add('key watch', () => keyWatch.close())
  const authentication = createAuthenticationService({ keys, lastUsed, bus })
  closers.add('authentication', () => authentication.close())

  const prompts = createPromptRepository(pool)
  const versions = createPromptVersionRepository(pool)
  const promptSource = createPromptSourceRepository(pool)
  const promptSources = createPromptSources({ sources: promptSource, bus })
  closers.add('prompt sources', async () => promptSources.close())
  const drafts = createPromptDraftRepository(pool)
  const traceUse = createTraceUseRepository(pool)
  const ofPrompts = {
    prompts,
    versions,
    sources: promptSources,
    traceUse,
  }
  const promptService = createPromptService(ofPrompts)
  const promptDrafts = createPromptDraftService({ ...ofPrompts, drafts })
  const promptVersions = createPromptVersionService(ofPrompts)

  const modelPrices = createModelPriceService({ prices: createModelPriceRepository(pool), bus })
  closers.add('model prices', () => modelPrices.close())

  const traces = createTraceRepository(pool)
  const ingest = createIngestRepository(ingestPool)
  const index = createSearchIndexRepository(pool)
  const searchIndex = createSearchIndexService({ index, queue, onError })
  const ofIngest = { ingest, prices: modelPrices, searchIndex, feed, bus, maxSpans: limits.ingestSpans }
  const ingestService = createIngestService(ofIngest)
  closers.add('search index', () => searchIndex.close())
  const agents = createAgentRepository(pool)
  const contents = createTraceContentRepository(pool)
  const spans = createSpanRepository(pool)
  const spanContents = createSpanContentRepository(pool)
  const sessionRows = createSessionRepository(pool)
  const traceService = createTraceService({
    traces,
    lists: createTraceListRepository(pool),
    contents,
    copies: createSessionRemoval({ sessions: sessionRows, bus }),
    bus,
  })

  const runs = createRunRepository(pool)
  const ofSessions = {
    sessions: sessionRows,
    prompts,
    drafts,
    sources: promptSources,
    traces,
    traceContents: contents,
    runs,
    bus,
  }
  const sessions = createSessionService(ofSessions)
  const providers = createProviderService({
    providers: createProviderRepository(pool),
    own: models.providers,
    secretBox,
    mayBePrivate: models.mayBePrivate,
  })

  const runTraces = createRunTraceService({
    sessions: sessionRows,
    ingest: ingestService,
    onRefused: (problems) => logger.warn(problems, 'a run could not be recorded as a trace'),
  })

  const reasoning = createReasoningServices({ ...dependencies, feed, onError })

  const rules: RetentionRule[] = [
    { name: 'ended API keys', removeBefore: keys.removeEndedKeys },
    { name: 'traces', removeBefore: traces.removeBefore },
    { name: 'playground sessions', removeBefore: sessionRows.removeSessionsBefore },
  ]
  const onRemoved = (removed: object) => logger.info(removed, 'retention removed rows')

  return {
    feedHorizon,
    feedRetention,
    authentication,
    keyWatch,
    lastUsed,
    viewer: createViewerService({ tenants, keys, usage, wakeups }),
    tenants: createTenantService({ tenants, bus }),
    apiKeys: createApiKeyService({ keys, bus }),
    prompts: promptService,
    promptDrafts,
    promptVersions,
    promptDiffs: createPromptDiffService({ sources: promptSource }),
    publish: createPublishService({
      ...ofPrompts,
      labels: createPromptLabelRepository(pool),
      publications: createPublishRepository(pool),
      drafts,
      runUse: runs,
    }),
    compile: createCompileService(ofPrompts),
    retention: createRetentionService({ tenants, rules, onRemoved }),
    modelPrices,
    searchIndex,
    ingest: ingestService,
    traces: traceService,
    traceDrifts: createTraceDriftService({
      prompts: promptService,
      drafts: promptDrafts,
      versions: promptVersions,
      traces: traceService,
    }),
    traceEvents: createTraceEventService({ feed, traces, contents, index }),
    spanEvents: createSpanEventService({ feed }),
    spans: createSpanService({ spans, contents: spanContents }),
    agents: createAgentService({ agents }),
    sessions,
    providers,
    runs: createRunService({ runs, sessions, queue, bus, wakeups, onError }),
    runComparisons: createRunComparisonService({
      sessions: sessionRows,
      traces,
      traceContents: contents,
      spans,
      spanContents,
    }),
    runExecution: createRunExecution({
      runs,
      gateway: createLazyModelGateway({ limits: models }),
      providers,
      prices: modelPrices,
      traces: runTraces,
      traceUse,
      queue,
      bus,
      mostRuns: limits.runs,
      patiently: createPatience(logger, 'the database of the playground'),
      onError,
    }),
    sessionOpening: createSessionOpeningService({
      ...ofSessions,
      versions,
      sources: promptSource,
      spans,
      spanContents,
    }),
    ...reasoning,
    traceStats: createTraceStatsService({ stats: createTraceStatsRepository(pool), agents }),
  }
}
