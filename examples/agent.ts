// An agent that keeps its prompt in Tracemend: it compiles it before it calls a model through the AI SDK, and records the
// call with what it was made of. The first time, it makes the prompt and publishes it. Publish another version, and the
// next call is made of that one, while the traces of earlier calls are DRIFTED.
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/agent.ts [a ticket]
// With OPENAI_API_KEY a model answers, that of OPENAI_BASE_URL if it is set; without, something that plays one.
import { randomUUID } from 'node:crypto'
import { createOpenAI } from '@ai-sdk/openai'
import { LLMock } from '@copilotkit/aimock'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { type CallSettings, generateText, type ModelMessage } from 'ai'
import { print } from 'graphql'
import {
  CompileDocument,
  FindPromptDocument,
  MakePromptDocument,
  type PromptContentInput,
  RecordCallDocument,
  RecordedCallDocument,
  type SpanInput,
} from './generated/documents.ts'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')

const standIn = process.env.OPENAI_API_KEY ? undefined : await startStandIn()
const openai = createOpenAI(standIn && { baseURL: `${standIn.url}/v1`, apiKey: 'none' })

const name = 'support-triage'
const content: PromptContentInput = {
  blocks: [
    { id: 'rules', role: 'SYSTEM', content: 'You sort the mail of {{ shop }}: billing, delivery or other? Say why.' },
    { id: 'gold', role: 'SYSTEM', content: 'Promise an answer within the hour.', when: 'customer.tier == "gold"' },
    { id: 'ticket', role: 'USER', content: '{{ customer.name }} writes: {{ ticket }}' },
  ],
  variables: [
    { name: 'shop', default: 'Acme' },
    { name: 'customer', required: true },
    { name: 'ticket', required: true },
  ],
  model: { provider: 'openai', name: 'gpt-4o-mini', parameters: { temperature: 0.2 } },
}

const { prompt } = await ask(FindPromptDocument, { name })
if (!prompt) {
  const { publishPrompt } = await ask(MakePromptDocument, { input: { name, content }, name })
  console.log(`made    the prompt ${name}, and published it as version ${publishPrompt.number}`)
}

const ticket = process.argv[2] ?? 'My parcel was to come on Monday. Where is it?'
const variables = { ticket, customer: { name: 'Ada', tier: 'gold' } }
const { compilePrompt } = await ask(CompileDocument, { name, variables })
const { version, etag, manifest, messages, blocks, model } = compilePrompt
if (!model) throw new Error(`The prompt ${name} doesn't say which model is to answer.`)
const included = blocks.filter((each) => each.included).map(({ block }) => block.id)
console.log(`asked   with version ${version} (${included.join(', ')}): ${model.name}`)

const call = await callModel(model)
await standIn?.stop()
console.log(call.status === 'FAILED' ? `failed  ${call.errorMessage}` : `heard   ${call.output}`)

const id = randomUUID()
const madeOf = { promptName: name, etag, manifest, variables, messages, modelConfig: model.parameters }
const spans: SpanInput[] = [{ id: 'call', kind: 'LLM', name: 'chat', input: messages, ...call }]
const { ingestTraces } = await ask(RecordCallDocument, {
  trace: { id, agent: 'support', name: 'sort the mail', ...madeOf, ...call, spans },
})
const [refused] = ingestTraces.errors
if (refused) throw new Error(`${refused.path}: ${refused.message}`)

const { trace } = await ask(RecordedCallDocument, { id })
if (!trace) throw new Error(`There is no trace "${id}".`)
const { status, totalTokens, promptVersion, drift, cost } = trace
console.log(`seen    ${status}, ${totalTokens ?? 'no'} tokens, trace ${id}`)
console.log(`traced  version ${promptVersion?.number}, ${drift?.status}, ${cost ?? 'unknown'} USD`)

/** What its span and its trace both say of it. A call that fails is recorded like any other. */
async function callModel({ provider, name, parameters }: NonNullable<typeof model>): Promise<Partial<SpanInput>> {
  const call = { provider, model: name, startedAt: new Date().toISOString() }
  const ended = () => ({ ...call, endedAt: new Date().toISOString() })
  try {
    const { text, usage } = await generateText({
      ...(parameters as CallSettings),
      model: openai.chat(name),
      messages: messages as ModelMessage[],
      allowSystemInMessages: true,
      maxRetries: 0,
    })
    const { inputTokens, outputTokens } = usage
    return { ...ended(), status: 'COMPLETED', output: text, inputTokens, outputTokens }
  } catch (error) {
    return { ...ended(), status: 'FAILED', errorMessage: (error as Error).message }
  }
}

/** Speaks as OpenAI does, and says the same of every ticket. */
async function startStandIn(): Promise<LLMock> {
  const standIn = new LLMock({ host: '127.0.0.1', port: 0 })
  standIn.onMessage(/./, { content: 'delivery, whatever you wrote: I am no model, and have not read it.' })
  await standIn.start()
  console.log('no key  in OPENAI_API_KEY, so no model either: aimock answers, on this machine, always the same')
  return standIn
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
