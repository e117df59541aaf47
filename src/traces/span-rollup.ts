import { decimalOf, placesOf, unitsOf } from '../decimal.ts'
import { countedKinds, type Span } from './span.ts'

/** What a span and all below it come to. What is not known counts as nothing. */
export interface SpanRollup {
  spans: number
  errors: number
  inputTokens: number
  outputTokens: number
  totalTokens: number
  /** Exact, in USD. */
  cost: string
}

interface Sum extends Omit<SpanRollup, 'cost'> {
  /** In units of the smallest decimal place that any of the costs has. */
  costUnits: bigint
}

type Nested<Node> = Span & { parent: Node | null }

/** One pass from the leaves up. `parentsFirst` has every node behind its parent. */
export function sumSubtrees<Node extends Nested<Node>>(parentsFirst: readonly Node[]): (node: Node) => SpanRollup {
  const places = parentsFirst.reduce((most, { cost }) => (cost === null ? most : Math.max(most, placesOf(cost))), 0)
  const sums = new Map<Node, Sum>()
  for (const node of parentsFirst) sums.set(node, sumOf(node, places))
  for (let index = parentsFirst.length - 1; index > 0; index--) {
    const node = parentsFirst[index] as Node
    if (node.parent !== null) add(sums.get(node.parent) as Sum, sums.get(node) as Sum)
  }
  return (node) => rollupOf(sums.get(node) as Sum, places)
}

function sumOf({ kind, status, inputTokens, outputTokens, totalTokens, cost }: Span, places: number): Sum {
  const isCounted = countedKinds.includes(kind)
  return {
    spans: 1,
    errors: status === 'FAILED' || status === 'TIMED_OUT' ? 1 : 0,
    inputTokens: isCounted ? (inputTokens ?? 0) : 0,
    outputTokens: isCounted ? (outputTokens ?? 0) : 0,
    totalTokens: isCounted ? (totalTokens ?? 0) : 0,
    costUnits: isCounted && cost !== null ? unitsOf(cost, places) : 0n,
  }
}

function add(sum: Sum, more: Sum): void {
  sum.spans += more.spans
  sum.errors += more.errors
  sum.inputTokens += more.inputTokens
  sum.outputTokens += more.outputTokens
  sum.totalTokens += more.totalTokens
  sum.costUnits += more.costUnits
}

function rollupOf({ costUnits, ...sum }: Sum, places: number): SpanRollup {
  return {
    spans: sum.spans,
    errors: sum.errors,
    inputTokens: sum.inputTokens,
    outputTokens: sum.outputTokens,
    totalTokens: sum.totalTokens,
    cost: decimalOf(costUnits, places),
  }
}
