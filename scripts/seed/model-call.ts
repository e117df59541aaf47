import { type Message, type Tool, tokensOf, tokensOfMessage } from './messages.ts'
import { type Model, rateLimitMessage, requestIdOf } from './models.ts'
import type { Random } from './random.ts'
import { attempt, type Recording, type Span, StepFailedError } from './recording.ts'

interface ModelCall {
  name?: string
  model: Model
  messages: readonly Message[]
  tools?: readonly Tool[]
  toolChoice?: unknown
  reply: Message
  attributes?: Record<string, unknown>
}

interface Stage {
  recording: Recording
  random: Random
}

const rateLimited = 0.015
const timedOut = 0.003
const timeoutMs = 60_000
const maxAttempts = 3
/** What providers keep of the beginning of a prompt, and in which steps. */
const leastCached = 1_024
const cacheStep = 128

/** A call of a model, with the attempts that it takes: each is a span. */
export function callModel({ recording, random }: Stage, call: ModelCall): Message {
  for (let number = 1; ; number++) {
    const reply = attempt(() => callOnce({ recording, random }, call, number))
    if (!(reply instanceof StepFailedError)) return reply
    if (reply.status === 'TIMED_OUT' || number === maxAttempts) throw reply
    recording.pass(random.around(1_500 * number, 0.3))
  }
}

function callOnce({ recording, random }: Stage, call: ModelCall, number: number): Message {
  const { name = 'chat', model, messages, tools, toolChoice, reply, attributes } = call
  const input = { messages, ...(tools && { tools }), ...(toolChoice !== undefined && { tool_choice: toolChoice }) }
  const { provider, name: modelName } = model
  return recording.span('LLM', name, { model: modelName, provider, input }, (span) => {
    span.attributes = { ...model.parameters, ...attributes, requestId: requestIdOf(model, random) }
    if (number > 1) span.attributes.attempt = number
    // The second attempt comes into the same minute as the first.
    if (random.chance(number === 1 ? rateLimited : 0.2)) {
      recording.pass(random.around(120))
      throw new StepFailedError(rateLimitMessage(model, random))
    }
    if (random.chance(timedOut)) {
      recording.pass(timeoutMs)
      throw new StepFailedError(`no answer from ${provider} within ${timeoutMs} ms`, 'TIMED_OUT')
    }
    answer(span, { recording, random }, call)
    return reply
  })
}

function answer(span: Span, { recording, random }: Stage, call: ModelCall): void {
  const { model, messages, tools, reply } = call
  const cached = cachedTokensOf(span, recording, call)
  const reasoning = model.thinks > 0 ? Math.round(random.around(model.thinks, 0.6)) : 0
  span.inputTokens = tokensOfAll(messages) + tokensOfTools(tools)
  span.outputTokens = tokensOfMessage(reply) + reasoning
  if (cached > 0) span.cachedInputTokens = cached
  if (reasoning > 0) span.reasoningTokens = reasoning
  span.output = reply
  const timeToFirstTokenMs = Math.round(random.around(model.firstTokenMs, 0.35) + span.inputTokens / 20)
  const finishReason = reply.tool_calls ? 'tool_calls' : 'stop'
  span.attributes = { ...span.attributes, timeToFirstTokenMs, finishReason }
  recording.pass(timeToFirstTokenMs + (span.outputTokens / random.around(model.tokensPerSecond, 0.15)) * 1_000)
}

/** A prompt that begins as the one before it did, with the same tools, is read from a cache as far as they are the same. */
function cachedTokensOf(span: Span, { spans }: Recording, { messages, tools }: ModelCall): number {
  const former = spans.findLast((each) => each.kind === 'LLM' && each.output && each.model === span.model)
  const known = former?.input as { messages: Message[]; tools?: unknown } | undefined
  if (!known || known.tools !== tools) return 0
  const differing = messages.findIndex((message, index) => message !== known.messages[index])
  const same = tokensOfAll(messages.slice(0, differing < 0 ? messages.length : differing)) + tokensOfTools(tools)
  return same < leastCached ? 0 : same - (same % cacheStep)
}

function tokensOfTools(tools: readonly Tool[] | undefined): number {
  return tools ? tokensOf(JSON.stringify(tools)) : 0
}

function tokensOfAll(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + tokensOfMessage(message), 0)
}
