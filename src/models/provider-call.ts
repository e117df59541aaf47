import { type OutputInterface, streamText } from 'ai'
import { checkToolCalls, readOutput } from './answer-checks.ts'
import { type AnswerCollector, createAnswerCollector } from './answer-collector.ts'
import { type CallWatch, createCallFetch } from './call-fetch.ts'
import type { CallLimits } from './call-limits.ts'
import { createDownload, maxFileBytes } from './file-download.ts'
import { createGuardedFetch, type Resolve } from './guarded-fetch.ts'
import { convertMessages } from './message-conversion.ts'
import {
  type CallOptions,
  type ModelAnswer,
  ModelCallError,
  type ModelRequest,
  type ProviderType,
} from './model-call.ts'
import { saidWhen, toModelCallError } from './provider-errors.ts'
import { createProviderModel, optionKeys } from './provider-model.ts'
import { placeParameters } from './request-parameters.ts'
import { type ResponseSchema, readResponseSchema } from './response-schema.ts'
import { withoutSecrets } from './secrets.ts'
import { convertToolChoice, convertTools } from './tool-conversion.ts'

export interface ProviderCall {
  request: ModelRequest
  type: ProviderType
  options: CallOptions
  limits: CallLimits
  resolve: Resolve | undefined
}

/** One request to one provider, never repeated. Whatever it throws holds what had come of the answer, and no secret. */
export async function callProvider(call: ProviderCall): Promise<ModelAnswer> {
  const watch: CallWatch = { sentAt: null, hasFirstByte: false, failure: null }
  const msSinceSent = () => (watch.sentAt === null ? null : Math.round(performance.now() - watch.sentAt))
  let callersError: { error: unknown } | undefined
  const onText = (delta: string) => {
    try {
      call.options.onText(delta)
    } catch (error) {
      callersError = { error }
      throw error
    }
  }
  const collector = createAnswerCollector(onText, msSinceSent)
  try {
    return await streamAnswer(call, watch, collector)
  } catch (error) {
    if (callersError) throw callersError.error
    const { code, message, ...details } = call.limits.reason() ?? toModelCallError(error, watch)
    const words = saidWhen(withoutSecrets(message, call.request.provider.apiKey), code, details)
    throw new ModelCallError(code, words, { ...details, partial: collector.partial() })
  }
}

async function streamAnswer(call: ProviderCall, watch: CallWatch, collector: AnswerCollector): Promise<ModelAnswer> {
  const { request, limits } = call
  const { tools, schemas } = convertTools(request.tools)
  const toolChoice = convertToolChoice(request.toolChoice)
  const responseSchema = readResponseSchema(request.responseSchema)
  const { messages, rawArguments } = convertMessages(request.messages)
  const placed = placeParameters(call.type, request.parameters)
  const fetch = createCallFetch({
    fetch: providerFetch(call, watch),
    watch,
    rawArguments,
    body: placed.body,
    onFirstByte: limits.onFirstByte,
  })
  const isStrict = call.type.startsWith('OPENAI') && responseSchema ? { strictJsonSchema: responseSchema.isStrict } : {}
  const result = streamText({
    model: createProviderModel({ ...request, type: call.type, isChat: placed.isChat, fetch }),
    messages,
    allowSystemInMessages: true,
    maxRetries: 0,
    ...placed.settings,
    providerOptions: { [optionKeys[call.type]]: { ...isStrict, ...placed.providerOptions } as never },
    abortSignal: limits.signal,
    experimental_download: createDownload(publicFetch(call.resolve), limits.signal),
    experimental_include: { requestBody: false },
    // Errors are read from the stream; by default the SDK prints them, key and all.
    onError: () => {},
    ...(schemas.size > 0 && { tools, ...(toolChoice !== undefined && { toolChoice }) }),
    ...(responseSchema && { output: asJson(responseSchema) }),
  })
  await readAll(result.fullStream.getReader(), collector, limits)
  const answer = collector.finish()
  checkToolCalls(answer.toolCalls, schemas)
  return {
    ...answer,
    output: responseSchema ? readOutput(answer, responseSchema) : null,
    warnings: [...placed.warnings, ...answer.warnings],
  }
}

function providerFetch({ request, options, resolve }: ProviderCall, watch: CallWatch) {
  return createGuardedFetch({
    mayBePrivate: request.provider.mayBePrivate,
    ...(resolve && { resolve }),
    onRequest() {
      watch.sentAt = performance.now()
      options.onSent?.()
    },
  })
}

/** Messages are a tenant's, whoever the provider belongs to: what they refer to must be public always. */
function publicFetch(resolve: Resolve | undefined) {
  return createGuardedFetch({ mayBePrivate: false, maxBytes: maxFileBytes, ...(resolve && { resolve }) })
}

type Reader = ReadableStreamDefaultReader<Parameters<AnswerCollector['take']>[0]>

async function readAll(reader: Reader, collector: AnswerCollector, limits: CallLimits): Promise<void> {
  try {
    while (true) {
      const { done, value } = await Promise.race([reader.read(), limits.stopped])
      if (done) return
      collector.take(value)
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/**
 * Asks for JSON and passes the text on as it comes. The SDK's own Output.object parses the whole text anew at every
 * delta, and holds back, in the end loses, what is no JSON.
 */
function asJson({ schema, name, description }: ResponseSchema): OutputInterface<string, string, never> {
  return {
    name: 'json',
    responseFormat: Promise.resolve({
      type: 'json',
      schema,
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
    }),
    parsePartialOutput: async ({ text }) => ({ partial: text }),
    parseCompleteOutput: async ({ text }) => text,
    createElementStreamTransform: () => undefined,
  }
}
