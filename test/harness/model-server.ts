import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  ModelCallError,
  type ModelProvider,
  type ModelRequest,
  type ProviderType,
} from '../../src/models/model-call.ts'
import { createModelGateway } from '../../src/models/model-gateway.ts'

/** A server that a model's provider could be, byte for byte in the hands of the test: for what aimock can't do. */
export interface ModelServer {
  url: string
  requests: ReceivedRequest[]
  close(): Promise<void>
}

export interface ReceivedRequest {
  path: string
  headers: http.IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: tests look at the body of every protocol
  body: any
  /** The local address that the client connected to. */
  localAddress: string | undefined
  /** Resolves when the connection is gone, whoever closed it. */
  closed: Promise<unknown>
}

export type Answer = (response: http.ServerResponse, request: ReceivedRequest) => void | Promise<void>

export async function startModelServer(answer: Answer): Promise<ModelServer> {
  const requests: ReceivedRequest[] = []
  const server = http.createServer(async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const request = {
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: text === '' ? null : JSON.parse(text),
      localAddress: incoming.socket.localAddress,
      closed: once(incoming.socket, 'close'),
    }
    requests.push(request)
    await answer(response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export type Protocol = ProviderType | 'OPENAI_CHAT'

/** The events of a whole answer, so that a test may send some of them only. */
export function answerEvents(protocol: Protocol, deltas: string[], usage?: object): string[] {
  const events = writers[protocol](deltas, usage)
  return events.map((event) => (typeof event === 'string' ? event : toEvent(event)))
}

export function sendEvents(response: http.ServerResponse, events: string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of events) response.write(event)
}

export function toEvent(data: object): string {
  const name = 'type' in data ? `event: ${data.type}\n` : ''
  return `${name}data: ${JSON.stringify(data)}\n\n`
}

function chat(deltas: string[], usage?: object): (object | string)[] {
  const chunk = (delta: object, finish: string | null = null) => ({
    id: 'chatcmpl-1',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })
  return [
    chunk({ role: 'assistant', content: '' }),
    ...deltas.map((content) => chunk({ content })),
    chunk({}, 'stop'),
    ...(usage ? [{ id: 'chatcmpl-1', created: 1, model: 'm', choices: [], usage }] : []),
    'data: [DONE]\n\n',
  ]
}

function responses(deltas: string[], usage?: object): object[] {
  const response = { id: 'resp_1', created_at: 1, model: 'm' }
  const item = { type: 'message', id: 'msg_1' }
  return [
    { type: 'response.created', response },
    { type: 'response.output_item.added', output_index: 0, item },
    ...deltas.map((delta) => ({ type: 'response.output_text.delta', item_id: 'msg_1', delta })),
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { ...response, usage: usage ?? { input_tokens: 1, output_tokens: 1 } } },
  ]
}

function anthropic(deltas: string[], usage?: object): object[] {
  const counts = usage ?? { input_tokens: 1, output_tokens: 1 }
  return [
    { type: 'message_start', message: { id: 'msg_1', role: 'assistant', model: 'm', content: [], usage: counts } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...deltas.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: counts },
    { type: 'message_stop' },
  ]
}

function google(deltas: string[], usage?: object): object[] {
  return [
    ...deltas.map((text) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] } }] })),
    { candidates: [{ content: { role: 'model', parts: [] }, finishReason: 'STOP' }], usageMetadata: usage },
  ]
}

const writers: Record<Protocol, (deltas: string[], usage?: object) => (object | string)[]> = {
  OPENAI: responses,
  OPENAI_CHAT: chat,
  OPENAI_COMPATIBLE: chat,
  ANTHROPIC: anthropic,
  GOOGLE: google,
}

export const protocols = Object.keys(writers) as Protocol[]

const models: Record<Protocol, string> = {
  OPENAI: 'gpt-4o',
  OPENAI_CHAT: 'gpt-4o',
  OPENAI_COMPATIBLE: 'llama-3',
  ANTHROPIC: 'claude-sonnet-4-5',
  GOOGLE: 'gemini-2.5-pro',
}

/** A request by one of the five protocols, to a server on this machine. */
export function modelRequest(protocol: Protocol, url: string, changes: Partial<ModelRequest> = {}): ModelRequest {
  const type = protocol === 'OPENAI_CHAT' ? 'OPENAI' : protocol
  const provider: ModelProvider = {
    name: 'test',
    type,
    baseUrl: `${url}${protocol === 'GOOGLE' ? '/v1beta' : '/v1'}`,
    apiKey: 'sk-secret-key-of-the-test',
    mayBePrivate: true,
  }
  const request = {
    messages: [{ role: 'user', content: 'hello' }],
    tools: null,
    toolChoice: null,
    responseSchema: null,
  }
  const parameters = { ...(protocol === 'OPENAI_CHAT' && { api: 'chat' }), ...changes.parameters }
  return { provider, model: models[protocol], ...request, ...changes, parameters }
}

/** Longer than any test waits. */
export const patient = { firstByteMs: 20_000, totalMs: 40_000 }

export function callModel(request: ModelRequest, limits = {}, signal = new AbortController().signal) {
  return createModelGateway({ limits: { ...patient, ...limits } }).call(request, { signal, onText: () => {} })
}

export async function failedCall(request: ModelRequest, limits = {}, signal?: AbortSignal): Promise<ModelCallError> {
  const answer = await callModel(request, limits, signal).catch((error) => {
    if (error instanceof ModelCallError) return error
    throw error
  })
  if (answer instanceof ModelCallError) return answer
  throw new Error(`The call should have failed, but it answered: ${JSON.stringify(answer)}`)
}

/** "Hello you" in two deltas. */
export function wholeAnswer(protocol: Protocol, usage?: object): Answer {
  return (response) => {
    sendEvents(response, answerEvents(protocol, ['Hello ', 'you'], usage))
    response.end()
  }
}

/** The two deltas, and no ending. */
export function beginAnswer(protocol: Protocol, response: http.ServerResponse): void {
  sendEvents(response, answerEvents(protocol, ['Hello ', 'you']).slice(0, eventsBefore[protocol] + 2))
}

const eventsBefore = { OPENAI: 2, OPENAI_CHAT: 1, OPENAI_COMPATIBLE: 1, ANTHROPIC: 2, GOOGLE: 0 }

export function jsonAnswer(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}
