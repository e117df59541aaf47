import { setTimeout as pause } from 'node:timers/promises'
import type { ModelMessage, ToolChoice, ToolSet } from 'ai'
import { checkToolCalls, readOutput } from './answer-checks.ts'
import type { CallLimits } from './call-limits.ts'
import { demoValue } from './demo-value.ts'
import { convertMessages } from './message-conversion.ts'
import { type CallOptions, type ModelAnswer, ModelCallError, type ModelRequest, type ToolCall } from './model-call.ts'
import { readResponseSchema } from './response-schema.ts'
import { convertToolChoice, convertTools } from './tool-conversion.ts'

/**
 * The built-in provider: no model, no network, no key. It answers by rule, the same for the same request, and shows
 * what it found in it, so that an edit of the prompt is seen in the answer. It always says that it is no model.
 */
export async function callDemoModel(
  request: ModelRequest,
  { onText, onSent }: CallOptions,
  limits: CallLimits,
): Promise<ModelAnswer> {
  const { messages } = convertMessages(request.messages)
  const { schemas } = convertTools(request.tools)
  const responseSchema = readResponseSchema(request.responseSchema)
  const toolCalls = demandedCalls(convertToolChoice(request.toolChoice), schemas)
  const answer = toolCalls
    ? callText
    : responseSchema
      ? JSON.stringify(demoValue(responseSchema.schema), null, 2)
      : proseText(messages)

  onSent?.()
  const sentAt = performance.now()
  let text = ''
  let timeToFirstTokenMs: number | null = null
  const counts = estimate(JSON.stringify(request.messages), answer + JSON.stringify(toolCalls ?? ''))
  const soFar = () => ({ text, toolCalls: null, timeToFirstTokenMs, warnings: [estimateNote] })
  try {
    for (const piece of pieces(answer)) {
      await pause(pauseMs, undefined, { signal: limits.signal })
      limits.onFirstByte()
      timeToFirstTokenMs ??= Math.round(performance.now() - sentAt)
      text += piece
      onText(piece)
    }
    const finishReason = toolCalls ? 'tool-calls' : 'stop'
    const whole = { ...soFar(), ...counts, toolCalls, finishReason }
    checkToolCalls(toolCalls, schemas)
    return { ...whole, output: responseSchema && !toolCalls ? readOutput(whole, responseSchema) : null }
  } catch (error) {
    const failure = limits.reason() ?? error
    if (!(failure instanceof ModelCallError)) throw failure
    throw new ModelCallError(failure.code, failure.message, { retryable: failure.retryable, partial: soFar() })
  }
}

const pauseMs = 6
const maxInstructions = 20
const maxLineLength = 160
const callText = 'This is the demo provider, not a model: it calls the tool because the tool choice demands it.'
const estimateNote = 'The demo provider is no model; its token counts are estimates: one for every four characters.'

function proseText(messages: ModelMessage[]): string {
  const instructions = messages.filter(({ role }) => role === 'system').flatMap((message) => linesOf(textOf(message)))
  const last = messages.findLast(({ role }) => role === 'user')
  const result = messages.at(-1)?.role === 'tool' ? messages.at(-1) : undefined
  const more = instructions.length - maxInstructions
  return [
    'This is the demo provider, not a model: it shows what a model would have been given.',
    '',
    `It was given ${countOf(instructions)}${instructions.length === 0 ? '.' : ':'}`,
    ...instructions.slice(0, maxInstructions).map((line, index) => `${index + 1}. ${cut(line)}`),
    ...(more > 0 ? [`… and ${more} more.`] : []),
    '',
    last === undefined ? 'The user said nothing.' : `The user said: ${cut(linesOf(textOf(last)).join(' '))}`,
    ...(result === undefined ? [] : [`The last tool returned: ${cut(linesOf(textOf(result)).join(' '))}`]),
  ].join('\n')
}

function textOf({ content }: ModelMessage): string {
  if (typeof content === 'string') return content
  return content
    .map((part) =>
      'text' in part ? part.text : part.type === 'tool-result' ? resultText(part.output) : `[${part.type}]`,
    )
    .join('\n')
}

function resultText(output: object): string {
  const value = 'value' in output ? output.value : ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function linesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => line.trim() || [])
}

function cut(line: string): string {
  return line.length > maxLineLength ? `${line.slice(0, maxLineLength).toWellFormed()}…` : line
}

function demandedCalls(choice: ToolChoice<ToolSet> | undefined, schemas: Map<string, unknown>): ToolCall[] | null {
  const [first] = schemas.keys()
  const name = typeof choice === 'object' ? choice.toolName : choice === 'required' ? first : undefined
  if (name === undefined) return null
  if (!schemas.has(name))
    throw new ModelCallError('BAD_REQUEST', `toolChoice names "${name}", which is none of the tools.`)
  return [
    { id: 'call_demo', type: 'function', function: { name, arguments: JSON.stringify(demoValue(schemas.get(name))) } },
  ]
}

/** Some words at a time, as a model would stream them. */
function pieces(text: string): string[] {
  return text.match(/\s*(?:\S+\s*){1,4}/g) ?? []
}

function estimate(input: string, output: string) {
  const inputTokens = Math.ceil(input.length / 4)
  const outputTokens = Math.ceil(output.length / 4)
  return {
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    cachedInputTokens: null,
    reasoningTokens: null,
  }
}

function countOf({ length }: readonly string[]): string {
  if (length === 0) return 'no instructions'
  return length === 1 ? 'one instruction' : `${length} instructions`
}
