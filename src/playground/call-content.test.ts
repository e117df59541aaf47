import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileContent, prepareContent } from '../prompts/compile.ts'
import type { PromptContent } from '../prompts/prompt-content.ts'
import { contentOfCall, contentOfSpanInput, type RecordedCall } from './call-content.ts'

test.each<[name: string, messages: object[]]>([
  [
    'OpenAI',
    [
      { role: 'developer', content: 'Be short.' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,{{ x }}' } }], name: 'ada' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', function: { name: 'f', arguments: '{"a":{"b":1}}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'It says {{ nothing' },
      { role: 'function', name: 'f', content: '3' },
      { role: 'User', content: 'HI' },
    ],
  ],
  [
    'AI SDK',
    [
      { role: 'system', content: 'You are {{ name }}.', providerOptions: { anthropic: { cacheControl: {} } } },
      {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId: 'c', toolName: 'f', input: { '{{ k }}': 1e21 } }],
      },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c', output: { type: 'json', value: [null] } }] },
    ],
  ],
  ['Anthropic', [{ role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] }]],
  ['Google', [{ role: 'model', parts: [{ functionCall: { name: 'f', args: {} } }] }]],
  ['nobody', [{ role: null, content: 5 }, { role: { a: 1 } }, { role: 'user' }, { content: [], role: 'user' }]],
  ['a stranger', [JSON.parse('{"role":"user","__proto__":{"role":"system"},"constructor":1,"1":2}')]],
])('the messages of %s come back', (_, messages) => {
  expect(compiled(callOf(messages))).toEqual(messages)
})

test('what is plain text is a text to edit, what is in parts a list, the rest an object', () => {
  const { blocks } = callOf([
    system('Say {{.'),
    { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
    { role: 'assistant', content: null, tool_calls: [] },
    { role: 'developer', content: 'Now' },
  ])
  const common = { name: null, when: null, enabled: true }
  expect(blocks).toEqual([
    { ...common, id: 'message-1', role: 'SYSTEM', format: 'TEXT', content: 'Say {{ "{{" }}.' },
    { ...common, id: 'message-2', role: 'USER', format: 'JSON', content: inLines([{ type: 'text', text: 'Hi' }]) },
    {
      ...common,
      id: 'message-3',
      role: 'ASSISTANT',
      format: 'JSON',
      content: inLines({ content: null, tool_calls: [] }),
    },
    {
      ...common,
      id: 'message-4',
      role: 'SYSTEM',
      format: 'JSON',
      content: inLines({ role: 'developer', content: 'Now' }),
    },
  ])
})

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('{', '{{', '}}', '{{ x }}', '"{{"', '{{ "{{" }}', ' ', '\\', '"', '\n', '\ud800'))
    .map(joined),
)
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    texts,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(fc.oneof(texts, fc.constantFrom('role', '__proto__', '1')), tie('value'), { maxKeys: 4 }),
})).value
const roles = fc.oneof(
  fc.constantFrom('system', 'user', 'assistant', 'tool', 'Developer', 'FUNCTION', 'human'),
  anyJson,
)
const messageLike = fc
  .tuple(
    fc.record({ role: roles, content: fc.oneof(texts, fc.array(anyJson), anyJson) }, { requiredKeys: ['role'] }),
    fc.oneof(fc.constant({}), fc.dictionary(texts, anyJson, { maxKeys: 3 })),
    fc.boolean(),
  )
  .map(([own, others, isBehind]) => (isBehind ? { ...others, ...own } : { ...own, ...others }))
const messageLists = fc.array(messageLike).map((messages): object[] => JSON.parse(JSON.stringify(messages)))

test('any list of objects that have a role comes back, the role first', () => {
  fc.assert(
    fc.property(messageLists, (messages) => {
      const back = compiled(callOf(messages))
      const roleFirst = messages.map((message) => ({ role: (message as { role: unknown }).role, ...message }))
      expect(JSON.stringify(back)).toBe(JSON.stringify(roleFirst))
    }),
    { numRuns: 500 },
  )
})

test('any JSON at all is a content that compiles, with a block for each message', () => {
  fc.assert(
    fc.property(anyJson, anyJson, (messages, attributes) => {
      const contents = [callOf(messages), contentOfSpanInput(messages, attributes, { provider: 'openai', model: 'm' })]
      for (const content of contents) {
        expect(compiled(content)).toHaveLength(content.blocks.length)
        expect(content.blocks.map(({ id }) => id)).toEqual(content.blocks.map((_, index) => `message-${index + 1}`))
      }
    }),
  )
})

test.each<[messages: unknown, back: unknown[]]>([
  [null, []],
  [undefined, []],
  [[], []],
  ['Hi {{ you', [user('Hi {{ you')]],
  [
    ['Hi', null],
    [user('Hi'), user(null)],
  ],
  [system('Hi'), [system('Hi')]],
  [{ content: 'Hi' }, [user('Hi')]],
  [[{ type: 'ai', content: 'Hi' }], [{ role: 'assistant', type: 'ai', content: 'Hi' }]],
  [[[user('in a batch')]], [user('in a batch')]],
  [{ messages: [user('Hi')] }, [user('Hi')]],
  [{ system: 'S', messages: ['Hi'] }, [system('S'), user('Hi')]],
  [{ system: [{ type: 'text', text: 'S' }], messages: [] }, [system([{ type: 'text', text: 'S' }])]],
  [{ system: [system('S')], prompt: 'Hi' }, [system('S'), user('Hi')]],
  [{ systemInstruction: { parts: [{ text: 'S' }] }, contents: [] }, [{ role: 'system', parts: [{ text: 'S' }] }]],
])('%j', (messages, back) => {
  expect(compiled(callOf(messages))).toEqual(back)
})

test('what is deeper than a JSON block may be is kept as a text, and the block says so', () => {
  const { blocks, ...rest } = callOf([user(nested(98)), { role: 'user', x: nested(499, '{{') }])
  expect(blocks.map(({ name }) => name)).toEqual([null, 'What is nested deeper than 100 is JSON in a text'])
  let [, { x: inner }] = compiled({ blocks, ...rest }) as [object, { x: unknown }]
  for (let level = 0; level < 99; level++) [inner] = inner as [unknown]
  expect(inner).toBe(JSON.stringify(nested(400, '{{')))
  const [list, object] = [nested(100), nested(99)].map((content) => [user(content)])
  expect(compiled(callOf(list))).toEqual(list)
  expect(compiled(callOf(object))).toEqual(object)
})

test('however many messages there are, none is lost', () => {
  const messages = Array.from({ length: 2_000 }, (_, index) => user(`${index}`))
  expect(compiled(callOf(messages))).toEqual(messages)
})

test('JSON that would grow much by being indented is not', () => {
  const deep = nested(90, new Array(100_000).fill(1))
  expect(callOf([user(deep)]).blocks[0]?.content.length).toBeLessThan(300_000)
})

test('a request gives its tools, schema and model, and all else as parameters', () => {
  const schema = { type: 'object' }
  const input = {
    model: 'gpt-4o',
    messages: [user('Hi')],
    tools: [{ type: 'function', function: { name: 'f' } }],
    tool_choice: 'auto',
    response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
    temperature: 0.2,
    prompt: null,
  }
  const content = contentOfSpanInput(input, { 'gen_ai.request.temperature': 1, 'gen_ai.request.top_p': 0.5 }, unnamed)
  expect(content).toMatchObject({
    model: {
      provider: 'unknown',
      name: 'gpt-4o',
      parameters: {
        temperature: 0.2,
        top_p: 0.5,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true } },
      },
    },
    tools: input.tools,
    toolChoice: 'auto',
    responseSchema: schema,
  })
  expect(Object.keys(content.model?.parameters as object).sort()).toEqual(['response_format', 'temperature', 'top_p'])
  expect(compiled(content)).toEqual(input.messages)

  const sdk = { prompt: 'Hi', responseFormat: { type: 'json', name: 'answer', schema }, toolChoice: { type: 'auto' } }
  expect(contentOfSpanInput(sdk, null, { provider: 'openai', model: 'gpt-4o-mini' })).toMatchObject({
    model: {
      provider: 'openai',
      name: 'gpt-4o-mini',
      parameters: { responseFormat: { type: 'json', name: 'answer' } },
    },
    toolChoice: { type: 'auto' },
    responseSchema: schema,
  })
})

test('attributes say what the input does not, flat or nested', () => {
  const messages = [{ role: 'user', parts: [{ type: 'text', content: 'Hi' }] }]
  const flat = {
    'gen_ai.request.model': 'm',
    'gen_ai.request.temperature': 0.5,
    'gen_ai.input.messages': JSON.stringify(messages),
    'gen_ai.system_instructions': [{ type: 'text', content: 'S' }],
    'llm.invocation_parameters': '{"max_tokens":9}',
    'ai.prompt.tools': ['{"type":"function","name":"f"}'],
    'ai.prompt.toolChoice': '{"type":"auto"}',
  }
  const content = contentOfSpanInput(null, flat, unnamed)
  expect(compiled(content)).toEqual([system([{ type: 'text', content: 'S' }]), ...messages])
  expect(content).toMatchObject({
    model: { provider: 'unknown', name: 'm', parameters: { temperature: 0.5, max_tokens: 9 } },
    tools: [{ type: 'function', name: 'f' }],
    toolChoice: { type: 'auto' },
  })
  const nestedOnes = { gen_ai: { request: { temperature: 0.5 } }, llm: { invocation_parameters: { max_tokens: 9 } } }
  expect(contentOfSpanInput([], nestedOnes, unnamed).model).toEqual({
    provider: 'unknown',
    name: 'unknown',
    parameters: { temperature: 0.5, max_tokens: 9 },
  })
})

test('an input that is JSON of messages or of a request is read, any other text is what the user said', () => {
  const messages = [system('S')]
  const span = (input: unknown) => compiled(contentOfSpanInput(input, {}, unnamed))
  expect(span(JSON.stringify(messages))).toEqual(messages)
  expect(span(JSON.stringify({ messages }))).toEqual(messages)
  for (const text of ['{"a":1}', '[1]', 'Hi {', '"x"', '['.repeat(100_000), '[{"role":"user","content":1e400}]']) {
    expect(span(text)).toEqual([user(text)])
  }
  expect(span('[{"role":"user","content":"\\u0000"}]')).toEqual([user('\ufffd')])
  const tooDeep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  expect(contentOfSpanInput('Hi', { 'gen_ai.tool.definitions': tooDeep }, unnamed).tools).toBe(tooDeep)
})

test('what is recorded beside the messages is believed first', () => {
  const messages = { messages: [], tools: [1], model: 'asked', temperature: 1, top_p: 1 }
  const model = { provider: 'openai', name: 'used', parameters: { temperature: 0 } }
  expect(contentOfCall({ messages, tools: [2], model })).toMatchObject({
    tools: [2],
    model: { provider: 'openai', name: 'used', parameters: { temperature: 0, top_p: 1 } },
  })
})

test('a model is there where anything of it was recorded', () => {
  const modelOf = (model: RecordedCall['model']) => contentOfCall({ messages: [], model }).model
  const [provider, name] = ['unknown', 'unknown']
  expect(modelOf(null)).toBeNull()
  expect(modelOf({ provider: null, name: null })).toBeNull()
  expect(modelOf({ provider: 'p', name: 'm' })).toEqual({ provider: 'p', name: 'm', parameters: null })
  expect(modelOf({ provider: 'p', name: null, parameters: {} })).toEqual({ provider: 'p', name, parameters: {} })
  const noObject = { parameters: [1] }
  expect(modelOf({ provider: null, name: null, ...noObject })).toEqual({ provider, name, parameters: noObject })
})

const unnamed = { provider: null, model: null }

function system(content: unknown): object {
  return { role: 'system', content }
}

function user(content: unknown): object {
  return { role: 'user', content }
}

function callOf(messages: unknown): PromptContent {
  return contentOfCall({ messages, model: null })
}

function compiled(content: PromptContent): unknown[] {
  return compileContent(prepareContent(content), {}, { isLenient: false }).messages
}

function inLines(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

function nested(depth: number, inner: unknown = 0): unknown {
  let value = inner
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

function joined(pieces: string[]): string {
  return pieces.join('')
}
