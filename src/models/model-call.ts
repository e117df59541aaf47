export const providerTypes = ['OPENAI', 'ANTHROPIC', 'GOOGLE', 'OPENAI_COMPATIBLE'] as const
export type ProviderType = (typeof providerTypes)[number]

export interface ModelProvider {
  name: string
  type: ProviderType | 'DEMO'
  /** Null means the provider's public address. */
  baseUrl: string | null
  apiKey: string | null
  /** True for the operator's own providers alone: a tenant's may not point into a private network. */
  mayBePrivate: boolean
}

export interface ModelRequest {
  provider: ModelProvider
  model: string
  /** As recorded or compiled: in the shape of OpenAI, of Anthropic or of the AI SDK. */
  messages: unknown[]
  parameters: Record<string, unknown> | null
  tools: unknown
  toolChoice: unknown
  responseSchema: unknown
}

/** In OpenAI's shape whichever the provider; the arguments are the model's own text, never parsed and rewritten. */
export interface ToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

/** Input tokens include cached ones, output tokens include reasoning ones; null is what the provider didn't say. */
export interface TokenCounts {
  inputTokens: number | null
  outputTokens: number | null
  totalTokens: number | null
  cachedInputTokens: number | null
  reasoningTokens: number | null
}

export interface ModelAnswer extends TokenCounts {
  text: string
  /** The parsed JSON where a response schema was given, else null. */
  output: unknown
  toolCalls: ToolCall[] | null
  finishReason: string
  timeToFirstTokenMs: number | null
  /** What of the request this provider has no place for, so that it was not sent. */
  warnings: string[]
}

export interface CallOptions {
  signal: AbortSignal
  onText(delta: string): void
  /** Just before the first byte goes out; not called where nothing is sent. */
  onSent?(): void
}

export interface ModelGateway {
  /** Throws a ModelCallError, whatever goes wrong. */
  call(request: ModelRequest, options: CallOptions): Promise<ModelAnswer>
}

export type ModelErrorCode =
  | 'PROVIDER_NOT_CONFIGURED'
  | 'UNAUTHORIZED'
  | 'UNKNOWN_MODEL'
  | 'RATE_LIMITED'
  | 'OVERLOADED'
  | 'CONTENT_FILTERED'
  | 'FIRST_BYTE_TIMEOUT'
  | 'TIMEOUT'
  | 'STREAM_BROKEN'
  | 'INVALID_OUTPUT'
  | 'INVALID_TOOL_ARGUMENTS'
  | 'BAD_REQUEST'
  | 'PROVIDER_ERROR'
  | 'UNREACHABLE'
  | 'FORBIDDEN_ADDRESS'
  | 'CANCELED'

export interface ModelErrorDetails {
  retryable?: boolean
  statusCode?: number | null
  retryAfterSeconds?: number | null
  partial?: Partial<ModelAnswer>
}

/** The same request, sent again, may succeed. */
const retryableCodes: ReadonlySet<ModelErrorCode> = new Set<ModelErrorCode>([
  'RATE_LIMITED',
  'OVERLOADED',
  'FIRST_BYTE_TIMEOUT',
  'TIMEOUT',
  'STREAM_BROKEN',
  'INVALID_OUTPUT',
  'INVALID_TOOL_ARGUMENTS',
  'UNREACHABLE',
])

/** Has no `cause`: the errors below hold the request with its headers, and must reach neither a log nor a client. */
export class ModelCallError extends Error {
  override readonly name = 'ModelCallError'
  readonly code: ModelErrorCode
  readonly retryable: boolean
  readonly statusCode: number | null
  readonly retryAfterSeconds: number | null
  /** What there was of the answer when it failed. */
  readonly partial: Partial<ModelAnswer>

  constructor(code: ModelErrorCode, message: string, details: ModelErrorDetails = {}) {
    super(message)
    this.code = code
    this.retryable = details.retryable ?? retryableCodes.has(code)
    this.statusCode = details.statusCode ?? null
    this.retryAfterSeconds = details.retryAfterSeconds ?? null
    this.partial = details.partial ?? {}
  }
}
