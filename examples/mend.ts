// Mends a prompt: opens the newest call that has failed with what the prompt says now, edits it, lets a model answer
// again, compares, saves, publishes, and looks whether the next call will say it. Each time it adds another sentence.
// Where there is no such call, it makes one, and the prompt if need be, so that there is something to mend.
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/mend.ts [a prompt of yours]
// The prompt's own model answers where the server has its provider (say, it was started with OPENAI_API_KEY), else the
// built-in demo, which plays a model.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import {
  ChooseModelDocument,
  ComparedRunDocument,
  CompileDocument,
  EditBlockDocument,
  FailingCallsDocument,
  MakePromptDocument,
  OpenSessionDocument,
  type PromptContentInput,
  ProvidersDocument,
  PublishDocument,
  PublishedDocument,
  RecordCallDocument,
  RunDocument,
  RunTextDocument,
  type RunTextSubscription,
  SaveDocument,
} from './generated/documents.ts'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')
const name = process.argv[2] ?? 'support-triage'

// A call that an older version was made for may have been mended since.
const etag = (await findEtag()) ?? (await makePrompt())
const failing = (await ask(FailingCallsDocument, { name, etag })).traces.nodes[0] ?? (await makeFailingCall())
const { id: traceId, errorMessage } = failing
console.log(`found   trace ${traceId}: ${errorMessage}`)

const { createPlaygroundSession: session } = await ask(OpenSessionDocument, { traceId })
const sessionId = session.id
const { blocks, model } = session.content
if (!model) throw new Error('Nothing says which model is to answer.')
console.log(`opened  session ${sessionId}, ${blocks.length} blocks as they were in the call (${session.origin})`)

// What was recorded of the conversation is sent again, and is not the prompt's.
const own = blocks.filter(({ id }) => !session.recordedBlockIds.includes(id))
const block = own.find(({ role, format }) => role === 'SYSTEM' && format === 'TEXT')
if (!block) throw new Error('The prompt has no text for the system that could be edited.')
const lesson = `Lesson ${block.content.split('Lesson ').length}: begin with the one word, then say why.`
const content = `${block.content}\n${lesson}`
const { editPlaygroundBlock } = await ask(EditBlockDocument, { sessionId, blockId: block.id, content })
console.log(`edited  block ${block.id}\n${indented(editPlaygroundBlock.diff.unified)}`)

const { providers } = await ask(ProvidersDocument, {})
const isThere = providers.some((provider) => provider.name === model.provider)
if (!isThere) {
  await ask(ChooseModelDocument, { sessionId, model: { provider: 'demo', name: 'demo' } })
  console.log(`chosen  the demo, which is no model: there is no provider ${model.provider} here`)
}

const { runPlayground } = await ask(RunDocument, { sessionId })
console.log(`heard   in run ${runPlayground.id}`)
await watch(runPlayground.id)
const { playgroundRun: run } = await ask(ComparedRunDocument, { id: runPlayground.id })
if (run?.status !== 'SUCCEEDED') throw new Error(`${run?.status}, ${run?.error?.code}: ${run?.error?.message}`)
const { inputTokens, outputTokens, cost, durationMs, output } = run.comparison ?? {}
const tokens = `${signed(inputTokens)} tokens read, ${signed(outputTokens)} written`
console.log(`took    ${tokens}, ${signed(cost)} USD, ${signed(durationMs)} ms against the call`)
const marks = { EQUAL: ['', ''], DELETED: ['[-', '-]'], INSERTED: ['{+', '+}'] } as const
console.log(indented((output ?? []).map(({ kind, text }) => marks[kind].join(text)).join('')))

// What is saved has the model that was chosen last. The text was to be mended: the prompt keeps its own model.
if (!isThere) await ask(ChooseModelDocument, { sessionId, model })
const { savePlayground } = await ask(SaveDocument, { sessionId })
const note = `Mends ${traceId}: ${lesson}`
const { publishPrompt } = await ask(PublishDocument, { name, expectedRevision: savePlayground.revision, note })
const { number, evidence } = publishPrompt

const next = await compileNext(number)
if (!JSON.stringify(next.messages).includes(lesson)) throw new Error('The next call does not say it.')
console.log(
  `next    call is made of version ${next.version}, for ${next.model?.provider} ${next.model?.name}: "${lesson}"`,
)
if (evidence?.trace?.id !== traceId || evidence.session?.id !== sessionId) throw new Error('It does not say why.')
const runs = evidence.runs.map(({ id }) => id)
if (isThere && !runs.includes(runPlayground.id)) throw new Error('It does not say how it was tried.')
const tried = `${runs.length} run${runs.length === 1 ? '' : 's'}`
console.log(`mended  version ${number}, of trace ${traceId}, tried by ${tried}`)

/** Of what is in use. */
async function findEtag(): Promise<string | undefined> {
  const { prompt } = await ask(PublishedDocument, { name })
  if (prompt && !prompt.published) throw new Error(`Nobody has published the prompt ${name}.`)
  // Saving a session writes the whole draft.
  if (prompt?.draft.changed) throw new Error(`The draft of ${name} has changes that nobody has published yet.`)
  return prompt?.published?.etag
}

async function makePrompt(): Promise<string> {
  if (process.argv[2]) throw new Error(`There is no prompt ${name}.`)
  const content: PromptContentInput = {
    blocks: [
      { id: 'rules', role: 'SYSTEM', content: 'You sort the mail of {{ shop }}: billing, delivery or other? Say why.' },
      { id: 'ticket', role: 'USER', content: '{{ customer.name }} writes: {{ ticket }}' },
    ],
    variables: [
      { name: 'shop', default: 'Acme' },
      { name: 'customer', required: true },
      { name: 'ticket', required: true },
    ],
    model: { provider: 'openai', name: 'gpt-4o-mini', parameters: { temperature: 0.2 } },
  }
  const { publishPrompt } = await ask(MakePromptDocument, { input: { name, content }, name })
  console.log(`made    the prompt ${name}, and published it as version ${publishPrompt.number}`)
  return (await findEtag()) ?? ''
}

/** As an agent would record it that can't read what its model said. */
async function makeFailingCall() {
  if (process.argv[2]) throw new Error(`No call that was made with what ${name} says now has failed.`)
  const variables = { ticket: 'Where is my parcel?', customer: { name: 'Ada', tier: 'gold' } }
  const { etag, manifest, messages, model } = (await ask(CompileDocument, { name, variables })).compilePrompt
  const trace = {
    ...{ id: randomUUID(), agent: 'support', name: 'sort the mail', status: 'FAILED' as const },
    ...{ promptName: name, etag, manifest, variables, messages, modelConfig: model?.parameters },
    ...{ provider: model?.provider, model: model?.name, inputTokens: 38, outputTokens: 14, durationMs: 900 },
    output: 'The parcel should have come by now, so this is delivery.',
    errorMessage: 'neither billing nor delivery nor other',
  }
  const { ingestTraces } = await ask(RecordCallDocument, { trace })
  const [refused] = ingestTraces.errors
  if (refused) throw new Error(`${refused.path}: ${refused.message}`)
  console.log('made    a call that failed: there was none')
  return trace
}

/** Who comes late hears first all that was said so far. */
async function watch(runId: string): Promise<void> {
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
  })
  const events = client.iterate<RunTextSubscription>({ query: print(RunTextDocument), variables: { runId } })
  process.stdout.write('        ')
  for await (const { data, errors } of events) {
    if (errors) throw new Error(errors[0]?.message)
    process.stdout.write(data?.playgroundRunEvents.delta.replaceAll('\n', '\n        ') ?? '')
  }
  process.stdout.write('\n')
  await client.dispose()
}

/** The process that answers may be a second behind the one that published. */
async function compileNext(version: number) {
  const giveUpAt = Date.now() + 5_000
  for (;;) {
    const { compilePrompt } = await ask(CompileDocument, { name, variables: session.variables })
    if (compilePrompt.version === version || Date.now() > giveUpAt) return compilePrompt
    await pause(100)
  }
}

function signed(difference: string | number | null | undefined): string {
  if (difference === null || difference === undefined) return 'unknown'
  return Number(difference) > 0 ? `+${difference}` : `${difference}`
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '        ').trimEnd()
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
