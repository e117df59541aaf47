import {
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLOutputType,
  GraphQLScalarType,
  type GraphQLSchema,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'

/**
 * Int, as it goes out. Tokens of a million traces add up to more than the 2,147,483,647 that GraphQL allows for, and
 * the true number is better than an error: JSON has it, and so have most clients, whatever is a safe integer for them.
 * What comes in is GraphQL's own Int as before, and to whoever reads the schema both are one.
 */
const WideInt = new GraphQLScalarType({
  ...GraphQLInt.toConfig(),
  serialize: (value) => (Number.isSafeInteger(value) ? value : GraphQLInt.serialize(value)),
})

/** Pothos has no place for another Int, so it is put into the fields of the schema that it made. */
export function withWideInts(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue
    for (const field of Object.values(type.getFields())) field.type = widened(field.type)
  }
  return schema
}

function widened(type: GraphQLOutputType): GraphQLOutputType {
  if (type === GraphQLInt) return WideInt
  if (isNonNullType(type)) return new GraphQLNonNull(widened(type.ofType))
  if (isListType(type)) return new GraphQLList(widened(type.ofType))
  return type
}
