import { asSchema } from 'ai'
import { expect, test } from 'vitest'
import { readResponseSchema } from './response-schema.ts'
import { convertToolChoice, convertTools } from './tool-conversion.ts'

const schema = { type: 'object', properties: { city: { type: 'string' } } }

test.each<[string, unknown]>([
  [
    'OpenAI',
    [{ type: 'function', function: { name: 'look', description: 'Looks.', parameters: schema, strict: true } }],
  ],
  ['the Responses API', [{ type: 'function', name: 'look', description: 'Looks.', parameters: schema, strict: true }]],
  ['Anthropic', [{ name: 'look', description: 'Looks.', input_schema: schema, strict: true }]],
  ['the AI SDK', { look: { description: 'Looks.', inputSchema: { jsonSchema: schema }, strict: true } }],
])('tools of %s', async (_whose, tools) => {
  const { tools: converted, schemas } = convertTools(tools)
  expect(Object.keys(converted)).toEqual(['look'])
  expect(converted.look).toMatchObject({ description: 'Looks.', strict: true })
  expect(converted.look).not.toHaveProperty('execute')
  expect(await asSchema(converted.look?.inputSchema).jsonSchema).toEqual(schema)
  expect(schemas.get('look')).toEqual(schema)
})

test('no tools, and a tool without parameters', () => {
  for (const none of [null, undefined, [], {}]) expect(convertTools(none).schemas.size).toBe(0)
  expect(convertTools([{ name: 'now' }]).schemas.get('now')).toEqual({ type: 'object', properties: {} })
})

test.each<[string, unknown]>([
  ['tools must be a list', 'look'],
  ['tools[0] must be an object', ['look']],
  ['tools[0] must have a name', [{ description: 'x' }]],
  ['tools[0] must have a JSON schema', [{ name: 'x', parameters: 'string' }]],
  ['tools[0] is of type "web_search_20250305"', [{ type: 'web_search_20250305', name: 'web_search' }]],
  ['tools[1] has the name "x"', [{ name: 'x' }, { name: 'x' }]],
])('%s', (problem, tools) => {
  expect(() => convertTools(tools)).toThrow(problem)
})

test.each<[unknown, unknown]>([
  [null, undefined],
  ['auto', 'auto'],
  ['none', 'none'],
  ['required', 'required'],
  ['any', 'required'],
  [{ type: 'any' }, 'required'],
  [{ type: 'auto' }, 'auto'],
  [
    { type: 'function', function: { name: 'look' } },
    { type: 'tool', toolName: 'look' },
  ],
  [
    { type: 'function', name: 'look' },
    { type: 'tool', toolName: 'look' },
  ],
  [
    { type: 'tool', name: 'look' },
    { type: 'tool', toolName: 'look' },
  ],
  [
    { type: 'tool', toolName: 'look' },
    { type: 'tool', toolName: 'look' },
  ],
])('the choice %o', (given, choice) => {
  expect(convertToolChoice(given)).toEqual(choice)
})

test.each([['look'], [{}], [{ type: 'sometimes' }], [1]])('the choice %o is none', (given) => {
  expect(() => convertToolChoice(given)).toThrow('toolChoice must be')
})

test('a response schema, bare or wrapped; strict where nothing is left open', () => {
  const closed = { ...schema, required: ['city'], additionalProperties: false }
  expect(readResponseSchema(null)).toBeNull()
  expect(readResponseSchema(schema)).toMatchObject({ schema, isStrict: false })
  expect(readResponseSchema(closed)).toMatchObject({ schema: closed, isStrict: true })
  expect(
    readResponseSchema({
      type: 'object',
      properties: { inner: schema },
      required: ['inner'],
      additionalProperties: false,
    })?.isStrict,
  ).toBe(false)
  const wrapped = { name: 'place', strict: true, schema }
  for (const given of [wrapped, { type: 'json_schema', json_schema: wrapped }, { type: 'json_schema', ...wrapped }]) {
    expect(readResponseSchema(given)).toEqual({ schema, name: 'place', description: undefined, isStrict: true })
  }
  const withProperty = { type: 'object', properties: { schema: { type: 'object' } } }
  expect(readResponseSchema(withProperty)?.schema).toBe(withProperty)
  expect(() => readResponseSchema('string')).toThrow('must be a JSON schema')
})
