/**
 * What a client said of a trace or a span at one time, as it is merged and stored. Only what was said is there: an
 * absent field says nothing. Enum values are codes, moments are ISO texts of one form, money is decimal text.
 */
interface CourseRecord {
  status?: number
  errorMessage?: string
  startedAt?: string
  endedAt?: string
  durationMs?: number
  model?: string
  provider?: string
  inputTokens?: number
  outputTokens?: number
  totalTokens?: number
  cachedInputTokens?: number
  reasoningTokens?: number
  cost?: string
}

export interface SpanRecord extends CourseRecord {
  traceId: string
  id: string
  parentId?: string
  kind?: number
  name: string
}

export interface SpanContentRecord {
  traceId: string
  spanId: string
  input?: unknown
  output?: unknown
  attributes?: object
}

export interface TraceRecord extends CourseRecord {
  id: string
  agent?: string
  name?: string
  promptName?: string
  etag?: string
  success?: boolean
  outcome?: string
  tags?: string[]
  conversationId?: string
  runId?: string
  userId?: string
}

export interface TraceContentRecord {
  traceId: string
  modelConfig?: unknown
  metadata?: object
  manifest?: unknown
  variables?: unknown
  messages?: unknown
  output?: unknown
  tools?: unknown
  toolChoice?: unknown
}

/** What one request brings, each trace and span once. */
export interface Batch {
  traces: TraceRecord[]
  traceContents: TraceContentRecord[]
  spans: SpanRecord[]
  spanContents: SpanContentRecord[]
}
