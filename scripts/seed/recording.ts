/** What a trace is made of, as it is sent; times are milliseconds until then. */
export interface Span {
  id: string
  parentId?: string
  kind: 'AGENT' | 'CHAIN' | 'LLM' | 'TOOL' | 'RETRIEVER' | 'EMBEDDING' | 'GUARDRAIL'
  name: string
  status?: Failure['status']
  errorMessage?: string
  startedAt: number
  endedAt?: number
  model?: string
  provider?: string
  inputTokens?: number
  outputTokens?: number
  cachedInputTokens?: number
  reasoningTokens?: number
  input?: unknown
  output?: unknown
  attributes?: Record<string, unknown>
}

type Failure = { status: 'FAILED' | 'TIMED_OUT' }

/** A step that goes wrong. It takes the steps around it along, up to whoever knows what to do instead. */
export class StepFailedError extends Error {
  override readonly name = 'StepFailedError'
  readonly status: Failure['status']

  constructor(message: string, status: Failure['status'] = 'FAILED') {
    super(message)
    this.status = status
  }
}

/** Plays what an agent does on a clock of its own, and writes it down as spans. */
export interface Recording {
  readonly spans: Span[]
  now(): number
  pass(milliseconds: number): void
  span<Result>(
    kind: Span['kind'],
    name: string,
    given: Pick<Span, 'input' | 'attributes' | 'model' | 'provider'>,
    play: (span: Span) => Result,
  ): Result
  /** All begin at once; it goes on when the last has ended. */
  together(plays: readonly (() => void)[]): void
}

export function createRecording(startedAt: number, newId: () => string): Recording {
  const spans: Span[] = []
  const open: Span[] = []
  let now = startedAt
  return {
    spans,
    now: () => now,
    pass(milliseconds) {
      now += Math.max(1, Math.round(milliseconds))
    },
    span(kind, name, given, play) {
      const parentId = open.at(-1)?.id
      const span: Span = { id: newId(), ...(parentId && { parentId }), kind, name, startedAt: now, ...given }
      spans.push(span)
      open.push(span)
      try {
        return play(span)
      } catch (error) {
        if (error instanceof StepFailedError) Object.assign(span, { status: error.status, errorMessage: error.message })
        throw error
      } finally {
        span.endedAt = now
        open.pop()
      }
    },
    together(plays) {
      const begin = now
      let end = begin
      for (const play of plays) {
        now = begin
        play()
        end = Math.max(end, now)
      }
      now = end
    },
  }
}

/** What the play gives, or how it failed. */
export function attempt<Result>(play: () => Result): Result | StepFailedError {
  try {
    return play()
  } catch (error) {
    if (error instanceof StepFailedError) return error
    throw error
  }
}
