import { expect, test } from 'vitest'
import { InvalidInputError } from '../errors.ts'
import type { Viewer } from '../tenants/viewer.ts'
import type { TraceFilter } from './trace-filter.ts'
import { createTraceStatsLoaders } from './trace-stats.loaders.ts'
import { noStats } from './trace-stats.ts'

const viewer: Viewer = { tenantId: 'tn_1', keyId: 'key', keyName: '', scopes: ['READ'], expiresAt: null }

/** The service as it is asked, and loaders that ask it. */
function prepare(options = { cache: true }) {
  const asked: { names: readonly string[]; filter: TraceFilter | null | undefined }[] = []
  const traceStats = {
    async listAgentStats(_: Viewer, names: readonly string[], filter?: TraceFilter | null) {
      asked.push({ names, filter })
      if (filter?.outcome) throw new InvalidInputError('filter.outcome', 'refused')
      return names.map((_name, traces) => ({ ...noStats, traces }))
    },
  }
  const listVersionStats = async () => []
  return {
    asked,
    loaders: createTraceStatsLoaders({ traceStats: { ...traceStats, listVersionStats } }, viewer, options),
  }
}

test('the stats of all agents are asked for at once, for each filter', async () => {
  const { asked, loaders } = prepare()
  const within = () => ({ startedAt: { gte: new Date(0) } })
  const loaded = await Promise.all([
    loaders.agentStats(null).load('a'),
    loaders.agentStats(within()).load('b'),
    loaders.agentStats(undefined).load('c'),
    loaders.agentStats(within()).load('d'),
    loaders.agentStats(within()).load('b'),
  ])
  expect(loaded.map(({ traces }) => traces)).toEqual([0, 0, 1, 1, 0])
  expect(asked).toEqual([
    { names: ['a', 'c'], filter: null },
    { names: ['b', 'd'], filter: within() },
  ])
})

test('a filter that is refused fails alone', async () => {
  const { loaders } = prepare()
  const outcomes = await Promise.allSettled([
    loaders.agentStats({ outcome: 'x' }).load('a'),
    loaders.agentStats({ model: 'm' }).load('a'),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})

test('without a memory they are asked for anew', async () => {
  const { asked, loaders } = prepare({ cache: false })
  await loaders.agentStats(null).load('a')
  await loaders.agentStats(null).load('a')
  expect(asked).toHaveLength(2)
})
