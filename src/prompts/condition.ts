import { type CelInput, type CelResult, celList, celMap, celType, isCelError, parse, plan } from '@bufbuild/cel'
import { cut, shown } from '../shown.ts'
import { OutOfTimeError, withinTime } from '../time-box.ts'
import { beginDecision, env, functionNames, typeNames } from './condition-functions.ts'

/**
 * Conditions in CEL over JSON. CEL has no unbounded loops, but nested comprehensions, patterns and concatenation are
 * unbounded enough. So: the text is short and its tree shallow; what a decision builds is counted; and a decision
 * that by its estimate may take longer than about 1 ms runs in a time box (0.11 ms, against 0.001 ms for a common
 * condition without it). Values are read through maps, so that only own properties exist.
 */
export interface Condition {
  /** Variables that it reads: they are null where they aren't given. */
  names: string[]
  /** Names of CEL types that it reads, such as `type` and `list`: variables where those are given, else the types. */
  typeNames: string[]
  evaluate: (bindings: Record<string, CelInput>) => CelResult
  nodes: number
  loops: number
  hasPattern: boolean
  /** Whether it calls what goes through all of a value: nearly all does that isn't a path or a constant. */
  readsWhole: boolean
}

export class ConditionError extends Error {
  /** Where in the text, if it is known. */
  readonly offset: number | null

  constructor(message: string, offset: number | null = null) {
    super(message)
    this.offset = offset
  }
}

/** What is left for the conditions that are decided together. */
export interface Allowance {
  msLeft: number
}

export const maxConditionLength = 2_000
export const maxDecisionMs = 100
/** Of brackets: 300 of them in each other take the parser 3 s, 40 no more than flat text does (80 ms at worst). */
const maxNesting = 40
/** Levels of the syntax tree: they are gone through by recursion. */
const maxDepth = 100
/** About 1 ms: of nodes times what they go through. */
const quickWork = 5_000
/** Of the variables that a condition reads; measuring them costs time, too. */
const quickSize = 1_000

/** What looks at true and false alone. */
const logic = new Set(['_&&_', '_||_', '!_', '_?_:_', '@not_strictly_false'])

type Expr = ReturnType<typeof parse>['expr']
type Found = Pick<Condition, 'nodes' | 'loops' | 'hasPattern' | 'readsWhole'> &
  Record<'names' | 'typeNames', Set<string>>

export function parseCondition(text: string): Condition {
  if (text.length > maxConditionLength) {
    throw new ConditionError(`A condition has up to ${maxConditionLength} characters; got ${text.length}.`)
  }
  try {
    if (nestingOf(text) > maxNesting) throw tooDeep()
    const { expr } = parse(text)
    const found: Found = {
      names: new Set<string>(),
      typeNames: new Set<string>(),
      nodes: 0,
      loops: 0,
      hasPattern: false,
      readsWhole: false,
    }
    explore(expr, [], 0, 0, found)
    return { ...found, names: [...found.names], typeNames: [...found.typeNames], evaluate: plan(env, expr) }
  } catch (error) {
    if (error instanceof ConditionError) throw error
    if (error instanceof RangeError) throw tooDeep()
    throw brokenBy(error as Error & { location?: { start: { offset: number } } }, text)
  }
}

/** Throws ConditionError where it can't be decided, or not in time. */
export function decide(
  condition: Condition,
  values: Record<string, unknown>,
  allowance: Allowance = { msLeft: maxDecisionMs },
): boolean {
  const evaluate = () => condition.evaluate(bindingsOf(condition, values))
  const work = workOf(condition, values)
  beginDecision()
  const result = work > quickWork ? inTime(evaluate, allowance) : inTurn(evaluate, work, allowance)
  if (typeof result === 'boolean') return result
  if (isCelError(result)) throw new ConditionError(`The condition can't be decided: ${cut(result.message)}.`)
  throw new ConditionError(`A condition is true or false; this one is of type ${celType(result).name}.`)
}

/** Null: it reads variables. Throws ConditionError where it reads none, and there is nothing to decide all the same. */
export function decideConstant(condition: Condition, allowance: Allowance): boolean | null {
  const isConstant = condition.names.length === 0 && condition.typeNames.length === 0
  return isConstant ? decide(condition, {}, allowance) : null
}

function explore(expr: Expr | undefined, bound: string[], depth: number, loops: number, found: Found): void {
  if (depth > maxDepth) throw tooDeep()
  found.nodes++
  found.loops = Math.max(found.loops, loops)
  const { case: kind, value } = expr?.exprKind ?? { case: undefined, value: undefined }
  const into = (child: Expr | undefined) => child && explore(child, bound, depth + 1, loops, found)
  if (kind === 'identExpr') {
    // A leading dot means the root.
    const name = value.name.replace(/^\./, '')
    if (typeNames.has(name)) found.typeNames.add(name)
    else if (!bound.includes(name)) found.names.add(name)
  }
  if (kind === 'selectExpr') into(value.operand)
  if (kind === 'listExpr') value.elements.forEach(into)
  if (kind === 'callExpr') {
    if (!functionNames.has(value.function)) throw new ConditionError(`There is no function ${shown(value.function)}.`)
    if (value.function === 'matches') found.hasPattern = true
    if (!logic.has(value.function)) found.readsWhole = true
    into(value.target)
    value.args.forEach(into)
  }
  if (kind === 'structExpr') {
    if (value.messageName !== '') throw new ConditionError(`There is no message type ${shown(value.messageName)}.`)
    for (const { keyKind, value: child } of value.entries) {
      if (keyKind.case === 'mapKey') into(keyKind.value)
      into(child)
    }
  }
  if (kind === 'comprehensionExpr') {
    into(value.iterRange)
    into(value.accuInit)
    const inner = [...bound, value.iterVar, value.accuVar]
    for (const child of [value.loopCondition, value.loopStep, value.result]) {
      explore(child, inner, depth + 1, loops + 1, found)
    }
  }
}

function inTurn(evaluate: () => CelResult, work: number, allowance: Allowance): CelResult {
  allowance.msLeft -= work / quickWork
  if (allowance.msLeft < 0) throw tooSlow()
  const start = performance.now()
  try {
    return evaluate()
  } finally {
    allowance.msLeft -= performance.now() - start
  }
}

function inTime(evaluate: () => CelResult, allowance: Allowance): CelResult {
  if (allowance.msLeft <= 0) throw tooSlow()
  const start = performance.now()
  try {
    return withinTime(allowance.msLeft, evaluate)
  } catch (error) {
    if (error instanceof OutOfTimeError) throw tooSlow()
    if (error instanceof RangeError) throw new ConditionError('The condition reads values that are nested too deep.')
    throw error
  } finally {
    allowance.msLeft -= performance.now() - start
  }
}

function workOf(
  { names, typeNames, nodes, loops, hasPattern, readsWhole }: Condition,
  values: Record<string, unknown>,
): number {
  if (hasPattern) return Number.POSITIVE_INFINITY
  let size = 0
  for (const name of typeNames.length === 0 ? names : [...names, ...typeNames]) {
    if (Object.hasOwn(values, name)) size += sizeOf(values[name], quickSize - size)
    if (size > quickSize) return Number.POSITIVE_INFINITY
  }
  // Going through a value is quick beside evaluating a node: some fifty of its parts take as long.
  return nodes * (nodes + size) ** loops * (readsWhole ? 1 + size / 50 : 1)
}

/** In values, and eight characters for one; more than `max` where it is more. */
function sizeOf(value: unknown, max: number): number {
  if (typeof value === 'string') return 1 + value.length / 8
  if (typeof value !== 'object' || value === null) return 1
  if (Array.isArray(value) && value.length > max) return value.length
  let size = 1
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    size += sizeOf(child, max - size)
    if (size > max) break
  }
  return size
}

function bindingsOf({ names, typeNames }: Condition, values: Record<string, unknown>): Record<string, CelInput> {
  const bindings: Record<string, CelInput> = Object.create(null)
  for (const name of names) bindings[name] = Object.hasOwn(values, name) ? celOf(values[name]) : null
  for (const name of typeNames) if (Object.hasOwn(values, name)) bindings[name] = celOf(values[name])
  return bindings
}

/** Numbers are doubles, as everywhere in JSON. Objects aren't left to the library: it takes some for messages. */
function celOf(value: unknown): CelInput {
  if (typeof value !== 'object') return value === undefined ? null : (value as CelInput)
  if (value === null) return null
  return Array.isArray(value)
    ? celList(value.map(celOf))
    : celMap(new Map(Object.entries(value).map(([key, each]) => [key, celOf(each)])))
}

/** How deep brackets stand in each other, outside of strings and comments. */
function nestingOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const [token] of text.matchAll(stringOrBracket)) {
    if (token === '(' || token === '[' || token === '{') deepest = Math.max(deepest, ++depth)
    if (token === ')' || token === ']' || token === '}') depth--
  }
  return deepest
}

const rawString = /(?:[rR][bB]?|[bB][rR])(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"]*"|'[^']*')/.source
const longString = /"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''/.source
const shortString = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'/.source
const stringOrBracket = new RegExp(`${rawString}|${longString}|${shortString}|//.*|[([{)\\]}]`, 'g')

function brokenBy(error: Error & { location?: { start: { offset: number } } }, text: string): ConditionError {
  const offset = error.location?.start.offset ?? null
  if (offset === null) return new ConditionError(`Expected a CEL condition; ${error.message}.`)
  const got = offset < text.length ? shown(text.slice(offset)) : 'its end'
  return new ConditionError(
    `Expected a CEL condition, such as user.plan == "pro"; got ${got} where it can't be.`,
    offset,
  )
}

function tooDeep(): ConditionError {
  return new ConditionError(
    `A condition is nested up to ${maxNesting} brackets and ${maxDepth} operations deep; got more.`,
  )
}

function tooSlow(): ConditionError {
  return new ConditionError(`The condition takes longer than ${maxDecisionMs} ms, with those decided before it.`)
}
