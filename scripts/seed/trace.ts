import type { Recording, Span } from './recording.ts'
import type { Told } from './scene.ts'

/** A trace as `POST /ingest` takes it. */
export type TraceRecord = Record<string, unknown> & { id: string; spans: SpanRecord[] }
type SpanRecord = Record<string, unknown> & { id: string }

/** One that is still being made: times are milliseconds, and what is said of it is apart from its spans. */
export interface TraceDraft {
  id: string
  agent: string
  startedAt: number
  endedAt: number
  told: Told
  spans: readonly Span[]
  /** Its end was seen. */
  isFinished: boolean
  around: { userId: string; conversationId?: string; runId?: string; tags: string[]; metadata: object }
}

export function draftOf(recording: Recording, given: Omit<TraceDraft, 'endedAt' | 'spans' | 'isFinished'>): TraceDraft {
  return { ...given, endedAt: recording.now(), spans: recording.spans, isFinished: true }
}

/** As it is sent. Tokens and cost are left to the spans, where there are any. */
export function recordOf({ id, agent, startedAt, endedAt, told, spans, isFinished, around }: TraceDraft): TraceRecord {
  const { name, prompt, messages, tools, toolChoice, model, output, success, outcome, status, errorMessage, call } =
    told
  const { tags, metadata, ...links } = around
  const end = { endedAt: textOf(endedAt), output, status, success, outcome, errorMessage }
  return withoutAbsent({
    id,
    agent,
    name,
    ...links,
    tags: [...tags, ...(told.tags ?? [])],
    metadata: { ...metadata, ...told.metadata },
    startedAt: textOf(startedAt),
    promptName: prompt?.promptName,
    etag: prompt?.etag,
    variables: prompt?.variables,
    manifest: prompt?.manifest,
    messages,
    tools,
    toolChoice,
    model: model?.name,
    provider: model?.provider,
    modelConfig: model?.parameters,
    ...call,
    ...(isFinished && end),
    spans: spans.map((span) =>
      withoutAbsent({ ...span, startedAt: textOf(span.startedAt), endedAt: textOf(span.endedAt) }),
    ),
  })
}

function textOf(moment: number | undefined): string | undefined {
  return moment === undefined ? undefined : new Date(moment).toISOString()
}

function withoutAbsent<Given extends object>(given: Given): Given {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given
}
