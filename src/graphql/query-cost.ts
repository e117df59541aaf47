import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  valueFromASTUntyped,
} from 'graphql'

/**
 * What a document asks for, measured before it runs. A field costs 1, or its `cost` extension; what stands below a list costs as often as the
 * list is long: its `first` or `last`, else the field's own `pageSize` extension; of a list without pages its `listSize`
 * extension, else what any such list is taken for. Lists of the introspection are short and cost as one. Fragments are
 * measured once each, however often they are spread: a document that doubles with every fragment costs 2^n here without
 * taking 2^n steps.
 */
export interface QueryCost {
  depth: number
  aliases: number
  complexity: number
  /** The largest page that is asked for, and where. */
  page: { size: number; field: string; max: number | undefined }
}

declare module 'graphql' {
  // biome-ignore lint/suspicious/noExplicitAny: a declaration is merged only if its parameters are the same.
  interface GraphQLFieldExtensions<_TSource, _TContext, _TArgs = any> {
    /** How many nodes come where the client doesn't say. */
    pageSize?: number
    /** How many may be asked for here, where it is not what the configuration says. */
    maxPageSize?: number
    /**
     * What a list without pages counts as, where that is not 10. It is 1 where the length is counted already: for the
     * `nodes` of a connection, whose field has the page; for the children in a tree, of which all together are as many
     * as the tree holds, however deep the document follows them.
     */
    listSize?: number
    /** What the field costs by itself, where that is more than reading a value. */
    cost?: number
  }
}

const defaultPageSize = 20
const unpagedListSize = 10
const noPage: QueryCost['page'] = { size: 0, field: '', max: undefined }
const nothing: QueryCost = { depth: 0, aliases: 0, complexity: 0, page: noPage }

interface Measuring {
  schema: GraphQLSchema
  variables: Record<string, unknown>
  fragments: Map<string, FragmentDefinitionNode>
  measured: Map<string, QueryCost>
}

export function measureQuery(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): QueryCost {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  const root = schema.getRootType(operation.operation)
  if (!root) throw new GraphQLError(`The schema has no ${operation.operation}.`)
  return measure(operation.selectionSet, root, {
    schema,
    variables: withDefaults(operation, variables),
    fragments,
    measured: new Map(),
  })
}

function measure(set: SelectionSetNode, type: unknown, measuring: Measuring): QueryCost {
  return set.selections.reduce((total, selection) => {
    if (selection.kind === Kind.FIELD) return sum(total, measureField(selection, type, measuring))
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const on = selection.typeCondition ? measuring.schema.getType(selection.typeCondition.name.value) : type
      return sum(total, measure(selection.selectionSet, on, measuring))
    }
    return sum(total, measureFragment(selection.name.value, measuring))
  }, nothing)
}

function measureFragment(name: string, measuring: Measuring): QueryCost {
  const known = measuring.measured.get(name)
  if (known) return known
  const fragment = measuring.fragments.get(name)
  if (!fragment) return nothing
  measuring.measured.set(name, nothing)
  const type = measuring.schema.getType(fragment.typeCondition.name.value)
  const cost = measure(fragment.selectionSet, type, measuring)
  measuring.measured.set(name, cost)
  return cost
}

type FieldSelection = Extract<SelectionSetNode['selections'][number], { kind: Kind.FIELD }>

function measureField(node: FieldSelection, type: unknown, measuring: Measuring): QueryCost {
  const aliases = node.alias ? 1 : 0
  const field = fieldOf(type, node.name.value)
  if (!field) return { ...nothing, depth: 1, aliases, complexity: 1 }

  const asked = pageArgument(node, measuring.variables)
  const isPaged = field.args.some(({ name }) => name === 'first' || name === 'last')
  const below = getNamedType(field.type)
  const isList = isListType(getNullableType(field.type)) && !isIntrospectionType(below)
  const { pageSize = defaultPageSize, listSize = unpagedListSize, cost = 1 } = field.extensions
  const size = isPaged ? (asked ?? pageSize) : isList ? listSize : 1
  const inner = node.selectionSet && isCompositeType(below) ? measure(node.selectionSet, below, measuring) : nothing
  const own = { size: asked ?? 0, field: node.alias?.value ?? field.name, max: field.extensions.maxPageSize }
  return {
    depth: inner.depth + 1,
    aliases: inner.aliases + aliases,
    complexity: cost + Math.max(0, size) * inner.complexity,
    page: excess(own) > excess(inner.page) ? own : inner.page,
  }
}

/** Undefined for `__typename`, which costs no more than any leaf. */
function fieldOf(type: unknown, name: string): GraphQLField<unknown, unknown> | undefined {
  if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef
  if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined
}

function pageArgument(node: FieldSelection, variables: Record<string, unknown>): number | undefined {
  const values = (node.arguments ?? [])
    .filter(({ name }) => name.value === 'first' || name.value === 'last')
    .map(({ value }) => valueFromASTUntyped(value, variables))
    .filter((value): value is number => typeof value === 'number')
  return values.length > 0 ? Math.max(...values) : undefined
}

function withDefaults(operation: OperationDefinitionNode, variables: Record<string, unknown>): Record<string, unknown> {
  const defaults = (operation.variableDefinitions ?? [])
    .filter(({ defaultValue }) => defaultValue !== undefined)
    .map(({ variable, defaultValue }) => [variable.name.value, defaultValue && valueFromASTUntyped(defaultValue)])
  return { ...Object.fromEntries(defaults), ...variables }
}

function sum(one: QueryCost, other: QueryCost): QueryCost {
  return {
    depth: Math.max(one.depth, other.depth),
    aliases: one.aliases + other.aliases,
    complexity: one.complexity + other.complexity,
    page: excess(other.page) > excess(one.page) ? other.page : one.page,
  }
}

/** Pages are compared by how far they go beyond what is allowed where they stand. */
function excess({ size, max }: QueryCost['page']): number {
  return max === undefined ? size : size - max
}
