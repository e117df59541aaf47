import {
  type GraphQLField,
  GraphQLID,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql'

/**
 * Every place at which a client can name an object by its id, as a schema coordinate: `Mutation.revokeApiKey(id:)`;
 * within an input object its path follows: `Query.traces(filter:).ids`. Walks all fields that can be reached from the
 * root types. An input type that contains itself (`and: [TraceFilter!]`) counts once.
 */
export function listIdArguments(schema: GraphQLSchema): string[] {
  const coordinates: string[] = []
  for (const type of reachableTypes(schema)) {
    for (const field of fieldsOf(type)) {
      for (const arg of field.args) {
        coordinates.push(...idPaths(arg.type).map((path) => `${type.name}.${field.name}(${arg.name}:)${path}`))
      }
    }
  }
  return coordinates.sort()
}

function reachableTypes(schema: GraphQLSchema): Set<GraphQLNamedType> {
  const seen = new Set<GraphQLNamedType>()
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  const due: GraphQLNamedType[] = roots.filter((type) => type !== null && type !== undefined)
  for (let type = due.pop(); type; type = due.pop()) {
    if (seen.has(type)) continue
    seen.add(type)
    if (isAbstractType(type)) due.push(...schema.getPossibleTypes(type))
    due.push(...fieldsOf(type).map((field) => getNamedType(field.type)))
  }
  return seen
}

function fieldsOf(type: GraphQLNamedType): GraphQLField<unknown, unknown>[] {
  return isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : []
}

function idPaths(given: GraphQLInputType, within: readonly GraphQLNamedType[] = []): string[] {
  const type = getNamedType(given)
  if (type === GraphQLID) return ['']
  if (!isInputObjectType(type) || within.includes(type)) return []
  return Object.values(type.getFields()).flatMap((field) =>
    idPaths(field.type, [...within, type]).map((path) => `.${field.name}${path}`),
  )
}
