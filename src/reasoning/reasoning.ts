import { brokenCursor, encodeCursor, type PageRequest } from '../page.ts'
import { canonicalText } from './ledger.ts'

export const decisionTypes = ['DECISION', 'TOOL_CALL', 'PLAN', 'VERIFICATION', 'OTHER'] as const
export type DecisionType = (typeof decisionTypes)[number]

/** What of a record is wide: read by itself, and only where it is asked for. */
export interface ReasoningContent {
  summary: string
  outputRef: string | null
  observations: string[]
  hypothesis: string | null
  conclusion: string
  /** JSON values. */
  alternatives: unknown[]
  filesRead: string[]
  keyFacts: string[]
}

/** What lists, filters and chains go by. */
interface ReasoningFacts {
  id: string
  decisionType: DecisionType
  /** 0 to 1. */
  confidence: number | null
  /** The agent's name. */
  agent: string | null
  sessionId: string | null
  /** As the client gave them, each once. */
  tags: string[]
  parentId: string | null
  /** As the client said: there may be no such trace yet, or no longer. */
  traceId: string | null
  spanId: string | null
}

/** What a client says of why something was decided. It is never changed. */
export type Reasoning = ReasoningFacts & ReasoningContent

/** A record as it is stored. */
export interface ReasoningTrace extends ReasoningFacts {
  /** Of its entry in the ledger: the order in which records were stored. */
  sequence: number
  /** When its entry was signed. */
  createdAt: Date
  /** Null or absent: it is read by itself. */
  content?: ReasoningContent | null
}

/** What the ledger has the hash of: all that a client said, and nothing else. */
export function contentText(reasoning: Reasoning): string {
  const { id, decisionType, summary, outputRef, observations, hypothesis, conclusion, confidence } = reasoning
  const { alternatives, filesRead, keyFacts, agent, sessionId, tags, parentId, traceId, spanId } = reasoning
  return canonicalText({
    format: 'tracemend-reasoning/1',
    id,
    decision: { type: decisionType, summary, outputRef },
    reasoning: { observations, hypothesis, conclusion, confidence, alternativesConsidered: alternatives },
    context: { filesRead, keyFacts },
    agent,
    sessionId,
    tags,
    parentId,
    traceId,
    spanId,
  })
}

/** A root and all that came of it. */
export interface ReasoningChain {
  parent: ReasoningTrace
  /** Each before what came of it, and that before what came later. */
  children: ReasoningTrace[]
  /** Of the deepest below the root. */
  depth: number
}

/**
 * Of the records of one chain, each with its parent among them, however they are sorted. Neither recursion nor paths: a
 * chain may be 10,000 deep.
 */
export function orderChain(rootId: string, records: readonly ReasoningTrace[]): ReasoningChain | null {
  const byParent = new Map<string, ReasoningTrace[]>()
  let root: ReasoningTrace | undefined
  for (const record of records.toSorted((one, other) => other.sequence - one.sequence)) {
    if (record.id === rootId) root = record
    else if (record.parentId !== null) {
      const siblings = byParent.get(record.parentId)
      if (siblings) siblings.push(record)
      else byParent.set(record.parentId, [record])
    }
  }
  if (!root) return null
  const children: ReasoningTrace[] = []
  let depth = 0
  // The newest lie lowest: what is taken next is the oldest of the deepest.
  const left = [{ record: root, level: 0 }]
  for (let next = left.pop(); next; next = left.pop()) {
    const { record, level } = next
    if (level > 0) children.push(record)
    depth = Math.max(depth, level)
    for (const child of byParent.get(record.id) ?? []) left.push({ record: child, level: level + 1 })
  }
  return { parent: root, children, depth }
}

/** Lists are in the order of the ledger, the newest first. */
export function reasoningCursor({ sequence }: ReasoningTrace): string {
  return encodeCursor([sequence])
}

/** Null: from the start. */
export function readSequence({ from, cursorField }: PageRequest): number | null {
  if (from === null) return null
  const [sequence] = from
  if (from.length !== 1 || !isSequence(sequence)) {
    throw brokenCursor(cursorField, from)
  }
  return sequence
}

/** Counted from 1, and as large as GraphQL's Int. */
export function isSequence(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 2_147_483_647
}
