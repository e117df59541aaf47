// Sends a trace and asks for it as a nested tree, in one request and with types: documents/span-tree.graphql is the
// query, generated/documents.ts what codegen makes of it and of schema.graphql (for the whole of it see codegen.ts).
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/span-tree.ts [id of a trace]
import { randomUUID } from 'node:crypto'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import { SendTraceDocument, type SpanInput, SpanTreeDocument, type StepFragment } from './generated/documents.ts'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')

const traceId = process.argv[2] ?? (await sendTrace())
const { trace } = await ask(SpanTreeDocument, { traceId })
if (!trace) throw new Error(`There is no trace "${traceId}".`)

console.log(`${trace.name ?? traceId}: ${trace.status}, ${trace.spanCount} spans, ${trace.cost ?? 'unknown'} USD`)
const seen = show(trace.rootSpans)
console.log(`tree   ${seen} spans of one request, each under its parent`)

/** What the query asks for on each of its four levels; for trees of any depth there is `spanTree`, as one value. */
type Step = StepFragment & { children?: Step[] }

function show(steps: Step[]): number {
  return steps.reduce((count, { kind, name, status, depth, durationMs, subtree, children = [] }) => {
    const spent = subtree.cost === '0' ? '' : `, ${subtree.cost} USD with all below`
    console.log(`${'  '.repeat(depth + 1)}${kind} ${name}  ${status}, ${durationMs ?? '…'} ms${spent}`)
    return count + 1 + show(children)
  }, 0)
}

/** A support agent that looks something up and answers. */
async function sendTrace(): Promise<string> {
  const begun = Date.now() - 5_000
  const at = (ms: number) => new Date(begun + ms).toISOString()
  const model = { kind: 'LLM', provider: 'openai', model: 'gpt-4o' } as const
  const spans: SpanInput[] = [
    { id: '1', kind: 'AGENT', name: 'answer customer', startedAt: at(0), endedAt: at(4_200) },
    { id: '2', parentId: '1', kind: 'CHAIN', name: 'look up', startedAt: at(10), endedAt: at(2_300) },
    {
      id: '3',
      parentId: '2',
      ...model,
      name: 'choose tool',
      inputTokens: 900,
      outputTokens: 30,
      startedAt: at(10),
      durationMs: 800,
    },
    {
      id: '4',
      parentId: '2',
      kind: 'TOOL',
      name: 'lookup_order',
      startedAt: at(820),
      durationMs: 140,
      output: { state: 'shipped' },
    },
    {
      id: '5',
      parentId: '1',
      ...model,
      name: 'write answer',
      inputTokens: 1_100,
      outputTokens: 160,
      startedAt: at(2_310),
      durationMs: 1_880,
    },
  ]
  const trace = { id: randomUUID(), agent: 'example', name: 'Where is my parcel?', spans }
  const { ingestTraces } = await ask(SendTraceDocument, { trace })
  const [error] = ingestTraces.errors
  if (error) throw new Error(error.message)
  return trace.id
}

/** The document says which variables go in and which data comes out. */
async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const body = JSON.stringify({ query: print(document), variables })
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body })
  const { data, errors } = await response.json()
  if (errors) throw new Error(errors[0].message)
  return data
}
