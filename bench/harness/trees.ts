import type { Dataset } from './dataset.ts'
import { untilIndexed } from './indexing.ts'
import { prose } from './prose.ts'
import { createRandom, type Random } from './random.ts'
import { scaled } from './size.ts'
import { makeSpans } from './trace-shape.ts'
import type { Workbench } from './workbench.ts'

/** Traces of three sizes, and the names under which a bench finds them. */
interface Trees {
  key: string
  tenantId: string
  small: string
  large: string
  huge: string
}

export const treeDepth = 10
const shapes = {
  small: { spans: 50, depth: 5 },
  large: { spans: 1_000, depth: treeDepth },
  huge: { spans: 10_000, depth: treeDepth },
}
/** Traces that nobody asks for: an index over three would be no index. */
const others = { count: 400, spans: 100, depth: 6 }
const contentBytes = 1_000
/** A large trace is sent in several requests. */
const spansPerRequest = 1_000

export const trees: Dataset<Trees> = {
  name: 'trees',
  madeBy: import.meta.url,
  async build(bench, key) {
    const { viewer } = await bench.ask<{ viewer: { tenant: { id: string } } }>(key, '{ viewer { tenant { id } } }')
    const random = createRandom(7)
    const facts = { key, tenantId: viewer.tenant.id, small: '', large: '', huge: '' }
    for (let count = 0; count < scaled(others.count); count++) await send(bench, key, random, others)
    for (const name of ['small', 'large', 'huge'] as const) facts[name] = await send(bench, key, random, shapes[name])
    await untilIndexed(bench.sql)
    await bench.sql.query('vacuum analyze')
    await bench.sql.query('checkpoint')
    return facts
  },
}

async function send(bench: Workbench, key: string, random: Random, shape: { spans: number; depth: number }) {
  const trace = makeTrace(random)
  const spans = makeSpans(random, { ...shape, contentBytes })
  for (let start = 0; start < spans.length; start += spansPerRequest) {
    const { ingestTraces } = await bench.ask<{ ingestTraces: { rejected: number; errors: unknown } }>(
      key,
      'mutation ($input: IngestTracesInput!) { ingestTraces(input: $input) { rejected errors { path message } } }',
      { input: { traces: [{ ...trace, spans: spans.slice(start, start + spansPerRequest) }] } },
    )
    if (ingestTraces.rejected > 0) throw new Error(`the product refused ${JSON.stringify(ingestTraces.errors)}`)
  }
  return trace.id
}

/** With what it was compiled from and what it answered. */
function makeTrace(random: Random) {
  const id = random.hex(32)
  const text = prose(random, 400)
  return {
    id,
    agent: 'support-triage',
    name: 'conversation',
    promptName: 'triage',
    etag: random.hex(64),
    success: true,
    outcome: 'resolved',
    model: 'gpt-4.1-mini',
    provider: 'openai',
    modelConfig: { temperature: 0.2, max_tokens: 1_000 },
    tags: ['production', 'eu'],
    metadata: { release: '2026.11.1', region: 'eu-central', plan: 'team' },
    conversationId: random.hex(16),
    runId: random.hex(16),
    userId: `user-${random.whole(1, 5_000)}`,
    manifest: { blocks: [{ id: 'rules', role: 'system', included: true }], variables: ['question', 'customer'] },
    variables: { question: prose(random, 200), customer: { name: 'Ada', since: 2019 } },
    messages: [
      { role: 'system', content: text },
      { role: 'user', content: prose(random, 300) },
    ],
    output: { role: 'assistant', content: prose(random, 500) },
    tools: [{ type: 'function', function: { name: 'search_orders', parameters: { type: 'object', properties: {} } } }],
    toolChoice: 'auto',
  }
}
