import { cleanText } from '../clean.ts'
import { writeDateTime } from '../date-time.ts'
import { InvalidInputError } from '../errors.ts'
import { RawJson } from '../raw-json.ts'
import type { SpanNode, SpanTree } from './span-tree.ts'

export interface SpanTreeCut {
  /** Only this span and what is below it. */
  rootSpanId?: string | null | undefined
  /** So many levels of it. */
  maxDepth?: number | null | undefined
}

/** The whole hierarchy as one value, `Span` for `Span` as the typed fields give it, but without the wide values. */
export function drawSpanTree(tree: SpanTree, { rootSpanId, maxDepth }: SpanTreeCut): RawJson {
  const levels = maxDepth ?? Number.POSITIVE_INFINITY
  if (levels < 1) throw new InvalidInputError('maxDepth', `maxDepth is 1 or more; got ${maxDepth}.`)
  if ((rootSpanId ?? null) === null) return new RawJson(nodesText(tree.roots, levels))
  const root = tree.findNode(cleanText(rootSpanId as string))
  return new RawJson(nodesText(root ? [root] : [], levels))
}

/** Without calling itself, and never as one object: `JSON.stringify` ends at a depth of some thousands. */
function nodesText(roots: readonly SpanNode[], levels: number): string {
  let text = '['
  const open = [{ nodes: roots, next: 0 }]
  for (let level = open[0]; level; level = open.at(-1)) {
    const node = level.nodes[level.next]
    if (!node) {
      open.pop()
      text += open.length > 0 ? ']}' : ']'
      continue
    }
    text += level.next === 0 ? fieldsText(node) : `,${fieldsText(node)}`
    level.next++
    if (node.children.length > 0 && open.length < levels) {
      text += ',"children":['
      open.push({ nodes: node.children, next: 0 })
    } else {
      text += ',"children":[]}'
    }
  }
  return text
}

/**
 * An object, still open. Joined at once: the pieces of a template stay apart until the whole text is read, and with
 * 10,000 spans that takes 64 ms instead of 19. `JSON.stringify` of an object takes 33.
 */
function fieldsText(span: SpanNode): string {
  return [
    '{"id":',
    quoted(span.id),
    ',"parentId":',
    span.parentId === null ? 'null' : quoted(span.parentId),
    ',"kind":"',
    span.kind,
    '","name":',
    quoted(span.name),
    ',"status":"',
    span.status,
    '","errorMessage":',
    span.errorMessage === null ? 'null' : quoted(span.errorMessage),
    ',"startedAt":"',
    writeDateTime(span.startedAt),
    '","endedAt":',
    span.endedAt === null ? 'null' : `"${writeDateTime(span.endedAt)}"`,
    ',"durationMs":',
    span.durationMs ?? 'null',
    ',"model":',
    span.model === null ? 'null' : quoted(span.model),
    ',"provider":',
    span.provider === null ? 'null' : quoted(span.provider),
    ',"inputTokens":',
    span.inputTokens ?? 'null',
    ',"outputTokens":',
    span.outputTokens ?? 'null',
    ',"totalTokens":',
    span.totalTokens ?? 'null',
    ',"cachedInputTokens":',
    span.cachedInputTokens ?? 'null',
    ',"reasoningTokens":',
    span.reasoningTokens ?? 'null',
    ',"cost":',
    span.cost === null ? 'null' : `"${span.cost}"`,
    ',"costSource":"',
    span.costSource,
    '","depth":',
    span.depth,
  ].join('')
}

/** Nothing in it that JSON would write otherwise: nearly always, and seen sooner than it is written. */
const plain = /^[ !#-[\]-\ud7ff]*$/

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}
