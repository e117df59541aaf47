import type { Span } from './span.ts'
import { compareSpans, inOrder } from './span-order.ts'
import { type SpanRollup, sumSubtrees } from './span-rollup.ts'

/**
 * The spans of a trace as a tree, whatever clients sent: spans come in any order and may never come at all. A span
 * whose parent isn't there stands at the root until it is. Where spans are each other's parents (or their own), the one
 * that started first is cut off and stands at the root, so that every span is shown exactly once. The tree depends on
 * the spans alone, not on the order in which they were read. Nothing here calls itself: a chain may be as long as it
 * likes.
 */
export interface SpanNode extends Span {
  /** What the tree shows it below: null at the root, whatever `parentId` says. */
  parent: SpanNode | null
  /** What started first stands first, then by id. */
  children: readonly SpanNode[]
  /** 0 at the root. */
  depth: number
  /** What it is part of. */
  tree: SpanTree
}

export interface SpanTree {
  roots: readonly SpanNode[]
  findNode(id: string): SpanNode | undefined
  /** Of the node and all below it. The first question sums up the whole tree. */
  rollupOf(node: SpanNode): SpanRollup
}

export function isNode(span: Span): span is SpanNode {
  return (span as Partial<SpanNode>).tree !== undefined
}

/** The same span in a tree that was read later: alone at the root where it is gone by then. */
export function nodeOf(tree: SpanTree, span: Span): SpanNode {
  return tree.findNode(span.id) ?? (buildSpanTree([{ ...span }]).roots[0] as SpanNode)
}

/** The spans become the nodes: for thousands of them, copies cost more than the tree. */
export function buildSpanTree(spans: readonly Span[]): SpanTree {
  const nodes = inOrder(spans) as SpanNode[]
  const byId = new Map<string, SpanNode>()
  const roots: SpanNode[] = []
  let sumOf: ((node: SpanNode) => SpanRollup) | undefined
  const tree: SpanTree = {
    roots,
    findNode: (id) => byId.get(id),
    rollupOf(node) {
      sumOf ??= sumSubtrees(parentsFirst(roots))
      return sumOf(node)
    },
  }
  for (const node of nodes) {
    node.parent = null
    node.children = none
    node.depth = unseen
    node.tree = tree
    byId.set(node.id, node)
  }
  for (const node of nodes) if (node.parentId !== null) node.parent = byId.get(node.parentId) ?? null
  cutCycles(nodes)
  for (const node of nodes) attach(node, roots)
  for (const node of parentsFirst(roots)) node.depth = node.parent === null ? 0 : node.parent.depth + 1
  return tree
}

/** Most spans have no children, and share this. */
const none: readonly SpanNode[] = Object.freeze([])
const unseen = 0

/** Each node is walked over once: its depth, not known yet, says by which walk. */
function cutCycles(nodes: readonly SpanNode[]): void {
  let walk = unseen
  for (const start of nodes) {
    walk++
    let node: SpanNode | null = start
    while (node !== null && node.depth === unseen) {
      node.depth = walk
      node = node.parent
    }
    // Back where this same walk has been.
    if (node !== null && node.depth === walk) earliestOfCycle(node).parent = null
  }
}

function earliestOfCycle(start: SpanNode): SpanNode {
  let earliest = start
  for (let node = start.parent; node !== null && node !== start; node = node.parent) {
    if (compareSpans(node, earliest) < 0) earliest = node
  }
  return earliest
}

function attach(node: SpanNode, roots: SpanNode[]): void {
  const { parent } = node
  if (parent === null) roots.push(node)
  else if (parent.children === none) parent.children = [node]
  else (parent.children as SpanNode[]).push(node)
}

/** All of them, level by level. */
function parentsFirst(roots: readonly SpanNode[]): SpanNode[] {
  const nodes = [...roots]
  for (let index = 0; index < nodes.length; index++) {
    for (const child of (nodes[index] as SpanNode).children) nodes.push(child)
  }
  return nodes
}
