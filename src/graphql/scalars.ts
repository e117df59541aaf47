import { GraphQLError, Kind } from 'graphql'
import { builder } from './builder.ts'

const form = /^(\d{4})-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

builder.scalarType('DateTime', {
  description: 'A moment as ISO 8601 with an offset; given back in UTC with milliseconds: `2026-11-21T09:30:00.000Z`.',
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
  parseLiteral: (node) => {
    if (node.kind !== Kind.STRING) throw new GraphQLError(expectation(node.kind), { nodes: node })
    return parseDateTime(node.value)
  },
})

export function parseDateTime(value: unknown): Date {
  const date = typeof value === 'string' && form.test(value) && isDay(value) ? new Date(value) : undefined
  if (!date || Number.isNaN(date.getTime())) throw new GraphQLError(expectation(JSON.stringify(value)))
  return date
}

/** `Date` takes 30 February for 2 March. */
function isDay(value: string): boolean {
  const day = value.slice(0, 10)
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}

function expectation(got: string | undefined): string {
  return `DateTime expects ISO 8601 with an offset, such as "2026-11-21T09:30:00.000Z"; got ${got?.slice(0, 100)}.`
}
