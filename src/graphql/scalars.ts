import { GraphQLError, Kind, type ValueNode } from 'graphql'
import { dateTimeForm, readDateTime, writeDateTime } from '../date-time.ts'
import { parseDecimal } from '../decimal.ts'
import { shown } from '../shown.ts'
import { builder } from './builder.ts'

builder.scalarType('DateTime', {
  description: 'A moment as ISO 8601 with an offset; given back in UTC with milliseconds: `2026-11-21T09:30:00.000Z`.',
  serialize: writeDateTime,
  parseValue: parseDateTime,
  parseLiteral: (node) => {
    if (node.kind !== Kind.STRING) throw new GraphQLError(dateTimeExpected(node.kind), { nodes: node })
    return parseDateTime(node.value)
  },
})

export function parseDateTime(value: unknown): Date {
  const iso = readDateTime(value)
  if (iso === null) throw new GraphQLError(dateTimeExpected(shown(value)))
  return new Date(iso)
}

function dateTimeExpected(got: string): string {
  return `DateTime expects ${dateTimeForm}; got ${got}.`
}

builder.scalarType('Decimal', {
  description:
    'An exact amount of money in USD, as a string: `"0.0045"`. Given back without an exponent or superfluous zeros. ' +
    'A number is taken too, as its shortest decimal form.',
  serialize: (value) => value,
  parseValue: parseDecimalInput,
  parseLiteral: (node) => {
    const isDecimal = node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT
    if (!isDecimal) throw new GraphQLError(decimalExpected(node.kind), { nodes: node })
    // The text of a literal number is exact: it never becomes a float.
    return parseDecimalInput(node.value)
  },
})

export function parseDecimalInput(value: unknown): string {
  const decimal = parseDecimal(value)
  if (decimal === null) throw new GraphQLError(decimalExpected(shown(value)))
  return decimal
}

function decimalExpected(got: string): string {
  return (
    'Decimal expects a decimal as a string or number, such as "0.0045", of 30 digits before the point and 18 behind ' +
    `it at most; got ${got}.`
  )
}

builder.scalarType('JSON', {
  description: 'Any JSON value: an object, a list, a string, a number, a boolean or null.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => parseJson(node, variables ?? {}),
})

/**
 * `variables` are those of the operation, coerced already; validation comes without. As in an input object, a key whose
 * variable was not given is left out. `fromEntries` takes `__proto__` for a key like any other.
 */
function parseJson(node: ValueNode, variables: Record<string, unknown>): unknown {
  switch (node.kind) {
    case Kind.NULL:
      return null
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value
    case Kind.INT:
    case Kind.FLOAT:
      return finite(node)
    case Kind.LIST:
      return node.values.map((value) => parseJson(value, variables) ?? null)
    case Kind.OBJECT: {
      const entries = node.fields.map(({ name, value }) => [name.value, parseJson(value, variables)] as const)
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
    }
    case Kind.VARIABLE:
      return Object.hasOwn(variables, node.name.value) ? variables[node.name.value] : undefined
    case Kind.ENUM:
      throw new GraphQLError(`JSON expects strings in quotes; got ${node.value.slice(0, 100)}.`, { nodes: node })
  }
}

function finite(node: ValueNode & { value: string }): number {
  const number = Number(node.value)
  if (Number.isFinite(number)) return number
  throw new GraphQLError(`JSON expects numbers that fit 64 bits; got ${node.value.slice(0, 100)}.`, { nodes: node })
}
