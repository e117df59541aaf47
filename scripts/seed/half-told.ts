import type { Random } from './random.ts'
import type { Span } from './recording.ts'
import type { TraceDraft } from './trace.ts'

/** Traces of which something is missing, as it happens: the agent is still at work, it died, or a record got lost. */
export type Gap = 'running' | 'died' | 'orphans' | 'rootless'

export const gaps: readonly Gap[] = ['running', 'orphans', 'died', 'rootless']

/** For `running`, `now` is when it is looked at; it has begun before, and its end is yet to come. */
export function tellHalf(trace: TraceDraft, gap: Gap, random: Random): TraceDraft {
  const { spans } = trace
  if (gap === 'rootless') return { ...trace, spans: spans.filter(({ parentId }) => parentId !== undefined) }
  if (gap === 'orphans') return { ...trace, spans: withoutOne(spans, random) }
  return cutAt(trace, cutOf(trace, random))
}

/** When it is seen last: somewhere in its second half. */
function cutOf({ startedAt, endedAt }: TraceDraft, random: Random): number {
  return Math.round(startedAt + (endedAt - startedAt) * (0.5 + random.fraction() * 0.4))
}

function cutAt(trace: TraceDraft, cut: number): TraceDraft {
  const spans = trace.spans.filter(({ startedAt }) => startedAt <= cut).map((span) => unfinished(span, cut))
  return { ...trace, spans, isFinished: false, endedAt: cut }
}

/** What its end would have told isn't known yet. */
function unfinished(span: Span, cut: number): Span {
  if (span.endedAt === undefined || span.endedAt <= cut) return span
  const { id, parentId, kind, name, startedAt, model, provider, input } = span
  return {
    id,
    kind,
    name,
    startedAt,
    input,
    ...(parentId && { parentId }),
    ...(model && { model }),
    ...(provider && { provider }),
  }
}

/** Loses a span that others are part of, but not the root. */
function withoutOne(spans: readonly Span[], random: Random): readonly Span[] {
  const parents = spans.filter(({ id, parentId }) => parentId && spans.some((each) => each.parentId === id))
  const lost = parents.length > 0 ? random.pick(parents) : undefined
  return spans.filter((span) => span !== lost)
}
