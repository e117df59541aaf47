import {
  BREAK,
  type DocumentNode,
  type ExecutionArgs,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isAbstractType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import type { OperationPlan } from './execution-plan.ts'

/**
 * The plans of documents, kept for as long as the document cache keeps the documents. A plan grows by what is executed
 * of it: fragments that are spread many times make it larger than its text. So the fields are counted, and when there
 * are too many, all plans are forgotten: making one again costs what every execution without a plan does.
 */
export interface OperationPlans {
  /** Null: none of ours to execute. */
  find(args: ExecutionArgs): Prepared | null
}

export interface Prepared {
  operation: OperationDefinitionNode
  /** What is included and what is skipped is part of the plan: there is one for each outcome. */
  planFor(variables: Record<string, unknown>): OperationPlan
}

/** Of 350 bytes each: 17 MB. */
const maxPlannedFields = 50_000

export function createOperationPlans(maxFields = maxPlannedFields): OperationPlans {
  let known = new WeakMap<DocumentNode, Map<string, Prepared | null>>()
  let fields = 0

  function onPlanned(added: number): void {
    fields += added
    if (fields <= maxFields) return
    known = new WeakMap()
    fields = 0
  }

  return {
    find({ schema, document, operationName }) {
      const operations = known.get(document) ?? new Map<string, Prepared | null>()
      known.set(document, operations)
      const name = operationName ?? ''
      let prepared = operations.get(name)
      if (prepared === undefined) {
        const operation = getOperationAST(document, operationName)
        prepared = operation && canBePlanned(schema, document) ? prepare(schema, document, operation, onPlanned) : null
        operations.set(name, prepared)
      }
      return prepared
    },
  }
}

function prepare(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  onPlanned: (fields: number) => void,
): Prepared {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null)
  for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments[node.name.value] = node
  const conditions = conditionsOf(document)
  const plans = new Map<string, OperationPlan>()
  return {
    operation,
    planFor(variables) {
      const outcome = conditions.map((name) => variables[name]).join()
      const plan = plans.get(outcome) ?? { schema, operation, fragments, root: null, onPlanned }
      plans.set(outcome, plan)
      return plan
    },
  }
}

/** The variables that @skip and @include depend on. */
function conditionsOf(document: DocumentNode): string[] {
  const names = new Set<string>()
  visit(document, {
    Directive: ({ arguments: args = [] }) => {
      for (const { value } of args) if (value.kind === Kind.VARIABLE) names.add(value.name.value)
    },
  })
  return [...names]
}

/** Not where the type of a value is only known when it comes by, and not where a key would not be one in an object. */
function canBePlanned(schema: GraphQLSchema, document: DocumentNode): boolean {
  const types = new TypeInfo(schema)
  let can = true
  visit(
    document,
    visitWithTypeInfo(types, {
      Field({ alias }) {
        const isOpen = [types.getParentType(), getNamedType(types.getType())].some(
          (type) => isAbstractType(type) || (isObjectType(type) && type.isTypeOf),
        )
        if (!isOpen && alias?.value !== '__proto__') return undefined
        can = false
        return BREAK
      },
    }),
  )
  return can
}
