import { describe, expect, test } from 'vitest'
import { demoValue } from './demo-value.ts'
import { schemaMismatch } from './json-schema.ts'
import type { ModelProvider, ModelRequest } from './model-call.ts'
import { createModelGateway } from './model-gateway.ts'

const provider: ModelProvider = { name: 'demo', type: 'DEMO', baseUrl: null, apiKey: null, mayBePrivate: false }
const gateway = createModelGateway({ limits: { firstByteMs: 10_000, totalMs: 20_000 } })
const messages = [
  { role: 'system', content: 'Be kind.\nAnswer in Danish.' },
  { role: 'user', content: 'What time is it?' },
]

async function call(changes: Partial<ModelRequest> = {}, signal = new AbortController().signal) {
  const deltas: string[] = []
  const request = {
    provider,
    model: 'demo',
    messages,
    parameters: null,
    tools: null,
    toolChoice: null,
    responseSchema: null,
  }
  const answer = await gateway.call({ ...request, ...changes }, { signal, onText: (delta) => deltas.push(delta) })
  return { ...answer, deltas }
}

test('says that it is no model, and shows the prompt', async () => {
  const { deltas, ...answer } = await call()
  expect(answer.text).toContain('not a model')
  expect(answer.text).toContain('2 instructions:\n1. Be kind.\n2. Answer in Danish.')
  expect(answer.text).toContain('The user said: What time is it?')
  expect(answer).toMatchObject({ output: null, toolCalls: null, finishReason: 'stop', reasoningTokens: null })
  expect(answer.warnings.join()).toContain('estimates')
  expect(answer.totalTokens).toBe((answer.inputTokens ?? 0) + (answer.outputTokens ?? 0))
  expect(deltas.length).toBeGreaterThan(5)
  expect(deltas.join('')).toBe(answer.text)
})

test('answers the same for the same, and otherwise for another prompt', async () => {
  const changed = [{ role: 'system', content: 'Be brief.' }, ...messages.slice(1)]
  const [one, same, other] = await Promise.all([call(), call(), call({ messages: changed })])
  expect(one.text).toBe(same.text)
  expect(other.text).toContain('1. Be brief.')
})

test('shows what a tool returned', async () => {
  const calls = [{ id: 'c', type: 'function', function: { name: 'clock', arguments: '{}' } }]
  const more = [
    { role: 'assistant', content: null, tool_calls: calls },
    { role: 'tool', tool_call_id: 'c', content: 'noon' },
  ]
  expect((await call({ messages: [...messages, ...more] })).text).toContain('The last tool returned: noon')
})

test('calls a tool only when it must', async () => {
  const tools = [
    {
      name: 'clock',
      parameters: { type: 'object', properties: { zone: { enum: ['CET', 'UTC'] } }, required: ['zone'] },
    },
    { name: 'other' },
  ]
  expect(await call({ tools })).toMatchObject({ toolCalls: null, finishReason: 'stop' })
  const called = { name: 'clock', arguments: '{"zone":"CET"}' }
  for (const toolChoice of ['required', { type: 'function', function: { name: 'clock' } }]) {
    const answer = await call({ tools, toolChoice })
    expect(answer).toMatchObject({ toolCalls: [{ function: called }], finishReason: 'tool-calls' })
    expect(answer.text).toContain('not a model')
  }
  await expect(call({ tools, toolChoice: { type: 'tool', name: 'none' } })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  })
})

test('answers JSON that meets the schema', async () => {
  const responseSchema = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] }
  const answer = await call({ responseSchema })
  expect(answer.output).toEqual({ title: 'demo: no model was called' })
  expect(JSON.parse(answer.text)).toEqual(answer.output)
  await expect(call({ responseSchema: { type: 'string', pattern: '^[0-9]{9}$' } })).rejects.toMatchObject({
    code: 'INVALID_OUTPUT',
  })
})

test('stops when it is canceled, and keeps what it said', async () => {
  const canceler = new AbortController()
  const request = {
    provider,
    model: 'demo',
    messages,
    parameters: null,
    tools: null,
    toolChoice: null,
    responseSchema: null,
  }
  let text = ''
  const onText = (delta: string) => {
    text += delta
    canceler.abort()
  }
  await expect(gateway.call(request, { signal: canceler.signal, onText })).rejects.toMatchObject({
    code: 'CANCELED',
    partial: { text: 'This is the demo ' },
  })
  expect(text).toBe('This is the demo ')
})

test('refuses what no provider would understand', async () => {
  await expect(call({ messages: [{ role: 'alien' }] })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
})

describe('a value meets its schema', () => {
  test.each<[unknown]>([
    [{}],
    [{ type: 'string', minLength: 40, maxLength: 50 }],
    [{ type: 'string', maxLength: 3 }],
    [{ type: 'integer', minimum: 3, maximum: 4 }],
    [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }],
    [{ type: 'integer', exclusiveMinimum: 0, multipleOf: 5 }],
    [{ type: 'number', maximum: -2 }],
    [{ type: 'boolean' }],
    [{ type: 'null' }],
    [{ type: ['null', 'string'] }],
    [{ enum: ['a', 'b'] }],
    [{ const: { a: 1 } }],
    [
      {
        type: 'array',
        items: { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] },
        minItems: 2,
      },
    ],
    [{ type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], minItems: 3, items: { type: 'null' } }],
    [{ anyOf: [{ type: 'object', required: ['a'] }, { type: 'string' }] }],
    [
      {
        allOf: [
          { properties: { a: { type: 'string' } }, required: ['a'] },
          { properties: { b: { type: 'number' } }, required: ['b'] },
        ],
      },
    ],
    [
      {
        $ref: '#/$defs/n',
        $defs: {
          n: {
            type: 'object',
            properties: { next: { anyOf: [{ $ref: '#/$defs/n' }, { type: 'null' }] } },
            required: ['next'],
          },
        },
      },
    ],
  ])('%j', (schema) => {
    expect(schemaMismatch(schema, demoValue(schema))).toBeNull()
  })

  test('or it ends, where none can', () => {
    const twice = { type: 'object', properties: { a: { $ref: '#' }, b: { $ref: '#' } }, required: ['a', 'b'] }
    expect(demoValue(twice)).toBeTypeOf('object')
  })
})
