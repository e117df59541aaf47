export interface Edge {
  from: string
  to: string
  line: number
}

/** One cycle, the shortest, for each knot of files that reach each other; as the edges from a file back to itself. */
export function findCycles(edges: Edge[]): Edge[][] {
  const out = byStart(edges)
  const cycles: Edge[][] = []
  const settled = new Set<string>()
  for (const file of [...out.keys()].sort()) {
    if (settled.has(file)) continue
    const cycle = shortestWayBack(file, out)
    if (!cycle) continue
    cycles.push(cycle)
    for (const other of knotOf(file, edges, out)) settled.add(other)
  }
  return cycles
}

type Outgoing = Map<string, Edge[]>

function byStart(edges: Edge[]): Outgoing {
  const out: Outgoing = new Map()
  for (const edge of edges) out.set(edge.from, [...(out.get(edge.from) ?? []), edge])
  return out
}

function shortestWayBack(start: string, out: Outgoing): Edge[] | null {
  const reachedBy = new Map<string, Edge>()
  const queue = [start]
  for (const file of queue) {
    for (const edge of out.get(file) ?? []) {
      if (reachedBy.has(edge.to)) continue
      reachedBy.set(edge.to, edge)
      if (edge.to === start) return unwind(start, reachedBy)
      queue.push(edge.to)
    }
  }
  return null
}

function unwind(start: string, reachedBy: Map<string, Edge>): Edge[] {
  const cycle: Edge[] = []
  let edge = reachedBy.get(start)
  while (edge) {
    cycle.unshift(edge)
    edge = edge.from === start ? undefined : reachedBy.get(edge.from)
  }
  return cycle
}

/** What is reached from a file and reaches it. */
function knotOf(file: string, edges: Edge[], out: Outgoing): Set<string> {
  const back = byStart(edges.map(({ from, to, line }) => ({ from: to, to: from, line })))
  const reaching = reachableFrom(file, back)
  return new Set([...reachableFrom(file, out)].filter((other) => reaching.has(other)))
}

function reachableFrom(start: string, out: Outgoing): Set<string> {
  const reached = new Set([start])
  for (const file of reached) for (const { to } of out.get(file) ?? []) reached.add(to)
  return reached
}
