// Sends one trace in pieces that come out of order: a step before its trace, a child before its parent, a step that is
// running and then done, and in the end all of it again, backwards. What is read is one tree.
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/ingest-in-pieces.ts
import { randomUUID } from 'node:crypto'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')
const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }

const id = randomUUID()
const begun = Date.now() - 10_000
const at = (ms: number) => new Date(begun + ms).toISOString()
const call = { kind: 'LLM', name: 'write sql', provider: 'openai', model: 'gpt-4o' }

const pieces: [what: string, piece: object][] = [
  [
    'a model call, before its parent and its trace',
    {
      id,
      spans: [{ id: 'call', parentId: 'plan', ...call, startedAt: at(200), endedAt: at(1_900), inputTokens: 1_000 }],
    },
  ],
  [
    'a tool that has begun',
    { id, spans: [{ id: 'query', parentId: 'plan', kind: 'TOOL', name: 'run_query', startedAt: at(2_000) }] },
  ],
  ['the root', { id, spans: [{ id: 'root', kind: 'AGENT', name: 'analyst', startedAt: at(0) }] }],
  ['what the tool gave', { id, spans: [{ id: 'query', name: 'run_query', endedAt: at(2_600), output: { rows: 3 } }] }],
  ['the rest of the model call: its tokens', { id, spans: [{ id: 'call', name: call.name, outputTokens: 200 }] }],
  [
    'the step between them and the root',
    {
      id,
      spans: [
        { id: 'plan', parentId: 'root', kind: 'CHAIN', name: 'look it up', startedAt: at(100), endedAt: at(2_700) },
      ],
    },
  ],
  ['the end of the root', { id, spans: [{ id: 'root', name: 'analyst', endedAt: at(3_000), output: '3 of them' }] }],
  ['the trace itself', { id, agent: 'example', name: 'How many came back?', outcome: 'answered', success: true }],
]

for (const [what, piece] of pieces) {
  await send([piece])
  const { status, totalTokens, cost, spanTree } = await read()
  console.log(`\n${what}: ${status}, ${totalTokens ?? 'no'} tokens, ${cost ?? 'unknown'} USD`)
  show(spanTree)
}

const once = JSON.stringify(await read())
await send(pieces.map(([, piece]) => piece).reverse())
for (const [, piece] of pieces.toReversed()) await send([piece, piece])
const again = await read()
if (JSON.stringify(again) !== once) throw new Error(`It is another tree now: ${JSON.stringify(again)}; it was ${once}`)
console.log(
  `\nsame   one tree of ${again.spanCount} spans, ${again.cost} USD, however often and in whatever order it comes`,
)

interface Step {
  kind: string
  name: string
  status: string
  depth: number
  children: Step[]
}

function show(steps: Step[]): void {
  for (const { kind, name, status, depth, children } of steps) {
    console.log(`${'  '.repeat(depth + 1)}${kind} ${name}  ${status}`)
    show(children)
  }
}

/** The receipt comes when everything is committed: what is read afterwards has it. */
async function send(traces: object[]): Promise<void> {
  const response = await fetch(`${url}/ingest`, { method: 'POST', headers, body: JSON.stringify({ traces }) })
  const { accepted, errors } = await response.json()
  if (accepted !== traces.length) throw new Error(errors[0].message)
}

/** `spanTree` is the whole hierarchy as one value, however deep it is. */
async function read() {
  const query = `query ($id: ID!) {
    trace(id: $id) { name status success durationMs spanCount totalTokens cost costSource spanTree }
  }`
  const body = JSON.stringify({ query, variables: { id } })
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body })
  const { data, errors } = await response.json()
  if (errors) throw new Error(errors[0].message)
  return data.trace
}
