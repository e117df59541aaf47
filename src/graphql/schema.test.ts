import { readFile } from 'node:fs/promises'
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { expect, test } from 'vitest'
import { settings } from '../config.ts'
import { schema } from './schema.ts'

interface Described {
  description?: string | null | undefined
}

function fileAt(path: string): Promise<string> {
  return readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
}

/** Everything that a reader of the schema comes across, by its coordinate. */
function partsOf(type: GraphQLNamedType): [string, Described][] {
  if (isEnumType(type)) return type.getValues().map((value) => [`${type.name}.${value.name}`, value])
  if (isInputObjectType(type)) {
    return Object.values(type.getFields()).map((field) => [`${type.name}.${field.name}`, field])
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return []
  return Object.values(type.getFields()).flatMap((field) => [
    [`${type.name}.${field.name}`, field],
    ...field.args.map((arg): [string, Described] => [`${type.name}.${field.name}(${arg.name}:)`, arg]),
  ])
}

test('every type, field, argument, input field and enum value has a description', () => {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))
  const described = types.flatMap((type): [string, Described][] => [[type.name, type], ...partsOf(type)])
  expect(described.length).toBeGreaterThan(50)
  expect(described.filter(([, { description }]) => !description?.trim()).map(([name]) => name)).toEqual([])
})

test('schema.graphql is the schema; `npm run generate` writes it', async () => {
  expect(await fileAt('schema.graphql')).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`)
})

test('README.md names every setting with its default, and no other', async () => {
  const table = (await fileAt('README.md')).split('\n\n').find((block) => block.includes('| `HOST` |')) ?? ''
  const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')))
  const listed = new Map(rows.slice(2).map(([, name, value]) => [name, value]))
  expect([...listed.keys()].sort()).toEqual(Object.keys(settings).sort())
  for (const [name, setting] of Object.entries(settings)) {
    const value = setting.safeParse(undefined).data
    if (value !== undefined) expect(`${name}=${listed.get(name)}`).toBe(`${name}=${value}`)
  }
})
