import { prose } from './prose.ts'
import type { Random } from './random.ts'

/** A span as a client sends it; the names are those of the API's `SpanInput`. */
export interface SpanShape {
  id: string
  parentId: string | null
  kind: string
  name: string
  status: string
  errorMessage?: string
  startedAt: string
  endedAt: string
  model?: string
  provider?: string
  inputTokens?: number
  outputTokens?: number
  input: unknown
  output: unknown
  attributes: unknown
}

interface Size {
  spans: number
  depth: number
  /** Of input, output and attributes together, on average. */
  contentBytes: number
}

interface Node {
  parent: Node | null
  children: Node[]
  begin: number
  end: number
}

const innerKinds = ['CHAIN', 'AGENT', 'TOOL'] as const
const leafKinds = ['LLM', 'LLM', 'LLM', 'TOOL', 'TOOL', 'RETRIEVER', 'EMBEDDING', 'GUARDRAIL'] as const
/** How far up the path from the top to the last span the next one hangs: below it, beside it, or somewhere above. */
const climbs = [1, 1, 0.9, 0.7, 0.5] as const
const models = ['gpt-4.1-mini', 'gpt-4.1', 'gpt-4o', 'o4-mini'] as const

/** The run of an agent: loops of steps that call models and tools and other agents. Spans come by their start. */
export function makeSpans(random: Random, { spans, depth, contentBytes }: Size, idOf = () => random.hex(16)) {
  const nodes = grow(random, spans, depth)
  const ids = new Map(nodes.map((node) => [node, idOf()]))
  const epoch = Date.UTC(2026, 10, 1) + random.whole(0, 1_000_000)
  return nodes.map((node) => {
    const id = ids.get(node) ?? ''
    const kind = node.children.length > 0 ? random.pick(innerKinds) : random.pick(leafKinds)
    const isFailed = node.parent !== null && random.fraction() < 0.02
    return {
      id,
      parentId: (node.parent && ids.get(node.parent)) ?? null,
      kind,
      name: `${kind.toLowerCase()}.${prose(random, 12).trim()}`,
      status: isFailed ? 'FAILED' : 'COMPLETED',
      ...(isFailed ? { errorMessage: prose(random, 60) } : {}),
      startedAt: new Date(epoch + node.begin).toISOString(),
      endedAt: new Date(epoch + node.end).toISOString(),
      ...(kind === 'LLM' ? usageOf(random) : {}),
      ...contentOf(random, kind, contentBytes * (0.5 + random.fraction()), id),
    } satisfies SpanShape
  })
}

/** In the order of a walk from the top, which is that of their starts: what began last is what goes on. */
function grow(random: Random, count: number, depth: number): Node[] {
  const nodes: Node[] = [{ parent: null, children: [], begin: 0, end: 0 }]
  let path = [...nodes]
  for (let begin = 1; nodes.length < count; begin += random.whole(1, 4)) {
    const level = Math.min(depth - 1, Math.max(1, Math.round(path.length * random.pick(climbs))))
    const parent = path[level - 1] as Node
    const node = { parent, children: [], begin, end: begin + random.whole(1, 2_000) }
    parent.children.push(node)
    nodes.push(node)
    path = [...path.slice(0, level), node]
  }
  for (const node of nodes.toReversed()) {
    if (node.parent) node.parent.end = Math.max(node.parent.end, node.end)
  }
  return nodes
}

function usageOf(random: Random) {
  const usage = { inputTokens: random.whole(200, 8_000), outputTokens: random.whole(20, 900) }
  return { model: random.pickSkewed(models), provider: 'openai', ...usage }
}

function contentOf(random: Random, kind: string, bytes: number, requestId: string) {
  const text = (share: number) => prose(random, Math.max(1, Math.round((bytes - 300) * share)))
  const attributes = { 'service.name': 'support', 'deployment.environment': 'production', request_id: requestId }
  if (kind === 'LLM') {
    const messages = [
      { role: 'system', content: text(0.3) },
      { role: 'user', content: text(0.3) },
    ]
    const output = { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: text(0.35) } }] }
    return { input: { messages }, output, attributes: { ...attributes, temperature: 0.2, top_p: 1, stream: false } }
  }
  return {
    input: { arguments: { query: text(0.3), limit: 10, filters: { language: 'en' } } },
    output: { result: [text(0.35), text(0.3)], total: random.whole(1, 500) },
    attributes,
  }
}
