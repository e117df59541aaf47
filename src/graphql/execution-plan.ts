import {
  defaultFieldResolver,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLFieldResolver,
  GraphQLIncludeDirective,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  type InlineFragmentNode,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  typeFromAST,
} from 'graphql'

type Values = Record<string, unknown>

/** What the fields of an operation are, worked out once; `planned-execution.ts` runs it. */
export interface OperationPlan {
  schema: GraphQLSchema
  operation: OperationDefinitionNode
  fragments: Record<string, FragmentDefinitionNode>
  root: SelectionPlan | null
  /** Called with the number of fields whenever some are planned. */
  onPlanned(fields: number): void
}

export type SelectionPlan = readonly FieldPlan[]

export interface FieldPlan {
  key: string
  name: string
  parentType: GraphQLObjectType
  nodes: FieldNode[]
  definition: GraphQLField<unknown, unknown>
  /** Null where the property of the source is the value, and the field has no arguments. */
  resolve: GraphQLFieldResolver<unknown, unknown> | null
  /** The type where that value is a leaf. */
  leaf: GraphQLLeafType | null
  /** The same for every call; null where they have to be made anew. */
  args: Values | null
  shape: Shape
  /** What is selected below: planned when the first object comes by. */
  below: SelectionPlan | null
}

/** A type, taken apart beforehand: asking graphql-js what kind it is costs more than most leaves do. */
export type Shape = { isNullable: boolean } & (
  | { kind: 'leaf'; type: GraphQLLeafType }
  | { kind: 'list'; item: Shape }
  | { kind: 'object'; type: GraphQLObjectType }
)

/** Throws as graphql-js does where a condition can't be known: the caller is where graphql-js would be. */
export function planRoot(plan: OperationPlan, type: GraphQLObjectType, variables: Values): SelectionPlan {
  const nodes = new Map<string, FieldNode[]>()
  collect({ plan, type, variables, nodes, visited: new Set() }, plan.operation.selectionSet)
  return planFields(plan, type, nodes)
}

export function planBelow(plan: OperationPlan, field: FieldPlan, variables: Values): SelectionPlan {
  const type = objectTypeOf(field.shape)
  const collecting = { plan, type, variables, nodes: new Map<string, FieldNode[]>(), visited: new Set<string>() }
  for (const { selectionSet } of field.nodes) if (selectionSet) collect(collecting, selectionSet)
  return planFields(plan, type, collecting.nodes)
}

interface Collecting {
  plan: OperationPlan
  type: GraphQLObjectType
  variables: Values
  nodes: Map<string, FieldNode[]>
  visited: Set<string>
}

/** CollectFields of the specification. */
function collect(collecting: Collecting, set: SelectionSetNode): void {
  const { plan, nodes, visited, variables } = collecting
  for (const selection of set.selections) {
    if (selection.kind === Kind.FRAGMENT_SPREAD && visited.has(selection.name.value)) continue
    if (!isIncluded(selection, variables)) continue
    if (selection.kind === Kind.FIELD) {
      const key = selection.alias?.value ?? selection.name.value
      const same = nodes.get(key)
      if (same) same.push(selection)
      else nodes.set(key, [selection])
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      if (isMeant(collecting, selection)) collect(collecting, selection.selectionSet)
    } else {
      visited.add(selection.name.value)
      const fragment = plan.fragments[selection.name.value]
      if (fragment && isMeant(collecting, fragment)) collect(collecting, fragment.selectionSet)
    }
  }
}

function isIncluded(node: SelectionSetNode['selections'][number], variables: Values): boolean {
  if (!node.directives?.length) return true
  if (getDirectiveValues(GraphQLSkipDirective, node, variables)?.if === true) return false
  return getDirectiveValues(GraphQLIncludeDirective, node, variables)?.if !== false
}

function isMeant({ plan, type }: Collecting, { typeCondition }: FragmentDefinitionNode | InlineFragmentNode): boolean {
  return !typeCondition || typeFromAST(plan.schema, typeCondition) === type
}

function planFields(plan: OperationPlan, type: GraphQLObjectType, nodes: Map<string, FieldNode[]>): SelectionPlan {
  const fields = [...nodes].flatMap(([key, [node, ...others]]) => {
    const definition = node && definitionOf(plan.schema, type, node.name.value)
    return definition ? [planField(key, type, definition, [node, ...others])] : []
  })
  plan.onPlanned(fields.length)
  return fields
}

function planField(
  key: string,
  parentType: GraphQLObjectType,
  definition: GraphQLField<unknown, unknown>,
  nodes: [FieldNode, ...FieldNode[]],
): FieldPlan {
  const hasArgs = definition.args.length > 0
  const resolve = definition.resolve ?? (hasArgs ? defaultFieldResolver : null)
  const shape = shapeOf(definition.type)
  return {
    key,
    name: definition.name,
    parentType,
    nodes,
    definition,
    resolve,
    leaf: !resolve && shape.kind === 'leaf' ? shape.type : null,
    args: hasArgs ? constantArgs(definition, nodes[0]) : {},
    shape,
    below: null,
  }
}

function definitionOf(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  if (name === TypeNameMetaFieldDef.name) return TypeNameMetaFieldDef
  if (type === schema.getQueryType()) {
    if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef
    if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef
  }
  return type.getFields()[name]
}

/** Only primitives are shared between calls: nobody can change them for the next one. */
function constantArgs(definition: GraphQLField<unknown, unknown>, node: FieldNode): Values | null {
  if (node.arguments?.some(({ value }) => mayHoldVariables.has(value.kind))) return null
  try {
    const args = getArgumentValues(definition, node)
    return Object.values(args).some((value) => typeof value === 'object' && value !== null) ? null : args
  } catch {
    // To be thrown where the field is executed.
    return null
  }
}

const mayHoldVariables = new Set<Kind>([Kind.VARIABLE, Kind.LIST, Kind.OBJECT])

function shapeOf(type: GraphQLOutputType, isNullable = true): Shape {
  if (isNonNullType(type)) return shapeOf(type.ofType, false)
  if (isListType(type)) return { kind: 'list', isNullable, item: shapeOf(type.ofType) }
  if (isLeafType(type)) return { kind: 'leaf', isNullable, type }
  if (isAbstractType(type)) throw new Error(`${type.name} is abstract: that is for graphql-js to execute`)
  return { kind: 'object', isNullable, type }
}

function objectTypeOf(shape: Shape): GraphQLObjectType {
  if (shape.kind === 'list') return objectTypeOf(shape.item)
  if (shape.kind === 'object') return shape.type
  throw new Error(`${shape.type.name} has no fields`)
}
