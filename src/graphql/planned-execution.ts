import {
  type ExecutionResult,
  GraphQLError,
  type GraphQLLeafType,
  type GraphQLResolveInfo,
  getArgumentValues,
  locatedError,
  type ResponsePath,
  responsePathAsArray,
} from 'graphql'
import {
  type FieldPlan,
  type OperationPlan,
  planBelow,
  planRoot,
  type SelectionPlan,
  type Shape,
} from './execution-plan.ts'

/**
 * Executes a planned operation as graphql-js 16 does, down to the order in which promises are waited for and the errors
 * that are left out below a null (`planned-execution.test.ts` compares the two). What graphql-js works out anew for
 * every field and object is in the plan. A path is made only where somebody may see it: for a resolver, for objects and
 * lists, which are the path of what is below, and for errors.
 */
export interface Run {
  plan: OperationPlan
  rootValue: unknown
  contextValue: unknown
  /** Coerced. */
  variables: Record<string, unknown>
  /** Of fields that variables stand in: for runs of one plan and the same variables. */
  args?: Map<FieldPlan, Record<string, unknown>>
}

interface Running extends Run {
  errors: GraphQLError[]
  /** Where errors were taken; undefined: at the root. */
  failedAt: Set<ResponsePath | undefined>
}

type MaybePath = ResponsePath | undefined
type Data = Record<string, unknown>

export function runOperation(run: Run): ExecutionResult | Promise<ExecutionResult> {
  const running: Running = { ...run, errors: [], failedAt: new Set() }
  const { plan, rootValue, variables } = run
  const { operation, schema } = plan
  const answer = (data: Data): ExecutionResult =>
    running.errors.length > 0 ? { errors: running.errors, data } : { data }
  const fail = (error: unknown): ExecutionResult => {
    take(running, error as GraphQLError, undefined)
    return { errors: running.errors, data: null }
  }
  try {
    const type = schema.getRootType(operation.operation)
    if (!type) throw new GraphQLError(`The schema has no ${operation.operation}.`, { nodes: operation })
    plan.root ??= planRoot(plan, type, variables)
    const execute = operation.operation === 'mutation' ? executeSerially : executeFields
    const data = execute(running, plan.root, rootValue, undefined)
    return isPromise<Data>(data) ? data.then(answer, fail) : answer(data)
  } catch (error) {
    return fail(error)
  }
}

function executeSerially(run: Running, fields: SelectionPlan, source: unknown): Data | Promise<Data> {
  const data: Data = {}
  function step(field: FieldPlan): Data | Promise<Data> {
    const value = executeField(run, field, source, undefined)
    if (!isPromise(value)) {
      data[field.key] = value
      return data
    }
    return value.then((resolved) => {
      data[field.key] = resolved
      return data
    })
  }
  let last: Data | Promise<Data> = data
  for (const field of fields) last = isPromise<Data>(last) ? last.then(() => step(field)) : step(field)
  return last
}

function executeFields(run: Running, fields: SelectionPlan, source: unknown, prev: MaybePath): Data | Promise<Data> {
  const data: Data = {}
  let isPending = false
  try {
    for (const field of fields) {
      const value = field.leaf ? readLeaf(run, field, field.leaf, source, prev) : executeField(run, field, source, prev)
      data[field.key] = value
      if (isPromise(value)) isPending = true
    }
  } catch (error) {
    if (!isPending) throw error
    // The others may fail too, and somebody has to hear of it.
    return settle(data).finally(() => {
      throw error
    })
  }
  return isPending ? settle(data) : data
}

function settle(data: Data): Promise<Data> {
  return Promise.all(Object.values(data)).then((values) =>
    Object.fromEntries(Object.keys(data).map((key, index) => [key, values[index]])),
  )
}

/** Most fields by far: the property is there, and needs no more than to be written down. */
function readLeaf(run: Running, field: FieldPlan, type: GraphQLLeafType, source: unknown, prev: MaybePath): unknown {
  try {
    const value = typeof source === 'object' && source !== null ? (source as Data)[field.name] : undefined
    const kind = typeof value
    if (kind === 'string' || kind === 'number' || kind === 'boolean') return completeLeaf(type, value)
  } catch (error) {
    return fail(run, field, field.shape, pathOf(field, prev), error)
  }
  return executeField(run, field, source, prev)
}

function executeField(run: Running, field: FieldPlan, source: unknown, prev: MaybePath): unknown {
  const { resolve, shape } = field
  let path: MaybePath
  try {
    let value: unknown
    if (resolve !== null) {
      path = pathOf(field, prev)
      value = resolve(source, argsOf(run, field), run.contextValue as never, infoOf(run, field, path))
    } else if ((typeof source === 'object' && source !== null) || typeof source === 'function') {
      value = (source as Data)[field.name]
      if (typeof value === 'function') {
        path = pathOf(field, prev)
        value = (source as Record<string, Method>)[field.name]?.({}, run.contextValue, infoOf(run, field, path))
      }
    }
    if (shape.kind === 'leaf' && !isPromise(value)) return complete(run, field, shape, undefined, value)
    const at = path ?? pathOf(field, prev)
    path = at
    const completed = isPromise(value)
      ? value.then((resolved) => complete(run, field, shape, at, resolved))
      : complete(run, field, shape, at, value)
    return isPromise(completed) ? completed.then(undefined, (error) => fail(run, field, shape, at, error)) : completed
  } catch (error) {
    return fail(run, field, shape, path ?? pathOf(field, prev), error)
  }
}

type Method = (args: object, context: unknown, info: GraphQLResolveInfo) => unknown

/** Leaves need no path. */
function complete(run: Running, field: FieldPlan, shape: Shape, path: MaybePath, value: unknown): unknown {
  if (value instanceof Error) throw value
  if (value === null || value === undefined) {
    if (shape.isNullable) return null
    throw new Error(`Cannot return null for non-nullable field ${field.parentType.name}.${field.definition.name}.`)
  }
  if (shape.kind === 'leaf') return completeLeaf(shape.type, value)
  if (shape.kind === 'list') return completeList(run, field, shape.item, path, value)
  field.below ??= planBelow(run.plan, field, run.variables)
  return executeFields(run, field.below, value, path)
}

function completeLeaf(type: GraphQLLeafType, value: unknown): unknown {
  const serialized = type.serialize(value)
  if (serialized === null || serialized === undefined) {
    throw new Error(`Expected \`${type.name}.serialize()\` to return non-nullable value, returned: ${serialized}`)
  }
  return serialized
}

function completeList(run: Running, field: FieldPlan, item: Shape, path: MaybePath, value: unknown): unknown {
  if (!isIterable(value)) {
    const { parentType, definition } = field
    throw new GraphQLError(`Expected Iterable, but did not find one for field "${parentType.name}.${definition.name}".`)
  }
  const items = Array.isArray(value) ? value : Array.from(value)
  const completed: unknown[] = []
  let isPending = false
  try {
    for (let index = 0; index < items.length; index++) {
      const one = completeItem(run, field, item, path, index, items[index])
      if (isPromise(one)) isPending = true
      completed.push(one)
    }
  } catch (error) {
    // graphql-js forgets the others here, and when they fail too the process ends.
    Promise.allSettled([...completed, ...items])
    throw error
  }
  return isPending ? Promise.all(completed) : completed
}

function completeItem(run: Running, field: FieldPlan, shape: Shape, prev: MaybePath, index: number, item: unknown) {
  let path: MaybePath
  try {
    if (shape.kind === 'leaf' && !isPromise(item)) return complete(run, field, shape, undefined, item)
    const at: ResponsePath = { prev, key: index, typename: undefined }
    path = at
    const completed = isPromise(item)
      ? item.then((resolved) => complete(run, field, shape, at, resolved))
      : complete(run, field, shape, at, item)
    return isPromise(completed) ? completed.then(undefined, (error) => fail(run, field, shape, at, error)) : completed
  } catch (error) {
    return fail(run, field, shape, path ?? { prev, key: index, typename: undefined }, error)
  }
}

function fail(run: Running, field: FieldPlan, shape: Shape, path: ResponsePath, thrown: unknown): null {
  const error = locatedError(thrown, field.nodes, responsePathAsArray(path))
  if (!shape.isNullable) throw error
  take(run, error, path)
  return null
}

/** What fails below a place that is null already is nobody's concern any more. */
function take({ errors, failedAt }: Running, error: GraphQLError, path: MaybePath): void {
  for (let place = path; place; place = place.prev) if (failedAt.has(place)) return
  if (failedAt.has(undefined)) return
  failedAt.add(path)
  errors.push(error)
}

function pathOf({ key, parentType }: FieldPlan, prev: MaybePath): ResponsePath {
  return { prev, key, typename: parentType.name }
}

function argsOf({ variables, args: known }: Running, field: FieldPlan): Record<string, unknown> {
  const args = field.args ?? known?.get(field)
  if (args) return { ...args }
  const made = getArgumentValues(field.definition, field.nodes[0] as FieldPlan['nodes'][number], variables)
  known?.set(field, made)
  return known ? { ...made } : made
}

function infoOf({ plan, rootValue, variables }: Running, field: FieldPlan, path: ResponsePath): GraphQLResolveInfo {
  const { schema, fragments, operation } = plan
  const { definition, nodes, parentType } = field
  return {
    fieldName: definition.name,
    fieldNodes: nodes,
    returnType: definition.type,
    parentType,
    path,
    schema,
    fragments,
    rootValue,
    operation,
    variableValues: variables,
  }
}

function isPromise<Value>(value: unknown): value is Promise<Value> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<Value>).then === 'function'
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && typeof (value as Iterable<unknown>)[Symbol.iterator] === 'function'
}
