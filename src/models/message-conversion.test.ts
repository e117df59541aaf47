import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answerEvents,
  type ModelServer,
  modelRequest,
  type Protocol,
  sendEvents,
  startModelServer,
} from '../../test/harness/model-server.ts'
import { createModelGateway } from './model-gateway.ts'

let server: ModelServer

beforeAll(async () => {
  server = await startModelServer((response, { path }) => {
    const protocol = path.includes('messages')
      ? 'ANTHROPIC'
      : path.includes('responses')
        ? 'OPENAI'
        : path.includes('chat')
          ? 'OPENAI_CHAT'
          : 'GOOGLE'
    sendEvents(response, answerEvents(protocol, ['ok']))
    response.end()
  })
})
afterAll(() => server.close())

/** The body of the request by which these messages are sent. */
async function sent(protocol: Protocol, messages: unknown[]) {
  const gateway = createModelGateway({ limits: { firstByteMs: 20_000, totalMs: 20_000 } })
  const { signal } = new AbortController()
  await gateway.call(modelRequest(protocol, server.url, { messages }), { signal, onText: () => {} })
  return server.requests.at(-1)?.body
}

// Spaces, a number that JavaScript can't hold, and text that is no JSON at all: nothing of it may change.
const args = '{ "city":  "Oslo", "id": 12345678901234567890 }'
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const conversation = [
  { role: 'system', content: 'Be kind.' },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    ],
  },
  {
    role: 'assistant',
    content: 'I look.',
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'look', arguments: args } },
      { id: 'call_2', type: 'function', function: { name: 'look', arguments: '{"broken' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: 'a pixel' },
  { role: 'tool', tool_call_id: 'call_2', content: '{"it": "is"}' },
  { role: 'assistant', content: 'A pixel.' },
  { role: 'user', content: 'Thanks.' },
]

describe('messages of OpenAI', () => {
  test.each(['OPENAI_CHAT', 'OPENAI_COMPATIBLE'] as const)('arrive at %s as they are', async (protocol) => {
    expect((await sent(protocol, conversation)).messages).toEqual(conversation)
  })

  test('arrive at the Responses API with their arguments as they are', async () => {
    const { input } = await sent('OPENAI', conversation)
    expect(input).toMatchObject([
      { role: 'system', content: 'Be kind.' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'What is this?' },
          { type: 'input_image', image_url: `data:image/png;base64,${pixel}` },
          { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
        ],
      },
      { role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'look', arguments: args },
      { type: 'function_call', call_id: 'call_2', name: 'look', arguments: '{"broken' },
      { type: 'function_call_output', call_id: 'call_1', output: 'a pixel' },
      { type: 'function_call_output', call_id: 'call_2', output: '{"it": "is"}' },
      { role: 'assistant', content: [{ type: 'output_text', text: 'A pixel.' }] },
      { role: 'user', content: [{ type: 'input_text', text: 'Thanks.' }] },
    ])
  })

  test('arrive at Anthropic and Google with their calls and results', async () => {
    // They take objects as arguments, and Gemini no address that doesn't say what is there.
    const sound = JSON.parse(JSON.stringify(conversation).replace('{\\"broken', '{\\"city\\":\\"Rome\\"}'))
    sound[1].content.pop()
    const { system, messages } = await sent('ANTHROPIC', sound)
    expect(system).toEqual([{ type: 'text', text: 'Be kind.' }])
    expect(messages[1].content).toMatchObject([
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'call_1', name: 'look', input: { city: 'Oslo' } },
      { type: 'tool_use', id: 'call_2', name: 'look', input: { city: 'Rome' } },
    ])
    expect(messages[2].content).toMatchObject([
      { type: 'tool_result', tool_use_id: 'call_1', content: 'a pixel' },
      { type: 'tool_result', tool_use_id: 'call_2', content: '{"it": "is"}' },
    ])

    const { contents, systemInstruction } = await sent('GOOGLE', sound)
    expect(systemInstruction).toEqual({ parts: [{ text: 'Be kind.' }] })
    expect(contents[0].parts[1]).toEqual({ inlineData: { mimeType: 'image/png', data: pixel } })
    expect(contents[1].parts).toMatchObject([
      { text: 'I look.' },
      { functionCall: { name: 'look', args: { city: 'Oslo' } } },
      { functionCall: { name: 'look', args: { city: 'Rome' } } },
    ])
    expect(contents[2].parts[0]).toMatchObject({ functionResponse: { name: 'look', response: { content: 'a pixel' } } })
  })

  test('of older and of newer kinds are known', async () => {
    const { messages } = await sent('OPENAI_CHAT', [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'One.' },
          { type: 'text', text: 'Two.' },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Hear' },
          { type: 'input_audio', input_audio: { data: pixel, format: 'wav' } },
        ],
      },
      {
        role: 'user',
        content: [{ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pixel}` } }],
      },
      { role: 'assistant', content: null, function_call: { name: 'add', arguments: '{"a":1}' } },
      { role: 'function', name: 'add', content: '2' },
      { role: 'assistant', content: null, refusal: 'I would rather not.' },
      { role: 'user', content: 'Go on' },
    ])
    expect(messages).toEqual([
      { role: 'system', content: 'One.' },
      { role: 'system', content: 'Two.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hear' },
          { type: 'input_audio', input_audio: { data: pixel, format: 'wav' } },
        ],
      },
      {
        role: 'user',
        content: [{ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pixel}` } }],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'add', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'add', content: '2' },
      { role: 'assistant', content: 'I would rather not.' },
      { role: 'user', content: 'Go on' },
    ])
  })
})

test('messages of Anthropic arrive at Anthropic as they are', async () => {
  const messages = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        { type: 'text', text: 'long', cache_control: { type: 'ephemeral' } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'sig' },
        { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 'it' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_1', content: 'gone', is_error: true },
        { type: 'text', text: 'And now?' },
      ],
    },
  ]
  expect((await sent('ANTHROPIC', [{ role: 'system', content: 'S' }, ...messages])).messages).toEqual(messages)
})

test('messages of the AI SDK arrive', async () => {
  const body = await sent('OPENAI_CHAT', [
    {
      role: 'user',
      content: [
        { type: 'image', image: pixel, mediaType: 'image/png' },
        { type: 'text', text: 'Look' },
      ],
    },
    { role: 'assistant', content: [{ type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: { at: 'it' } }] },
    {
      role: 'tool',
      content: [
        { type: 'tool-result', toolCallId: 'c1', toolName: 'look', output: { type: 'json', value: { it: 'is' } } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'reasoning', text: 'Hm.' },
        { type: 'text', text: 'So.' },
      ],
    },
  ])
  expect(body.messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
        { type: 'text', text: 'Look' },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: '{"it":"is"}' },
    { role: 'assistant', content: 'So.' },
  ])
})

test('an image that the provider does not fetch is fetched here, but from no private address', async () => {
  const messages = [{ role: 'user', content: [{ type: 'file', data: `${server.url}/a.mp3`, mediaType: 'audio/mpeg' }] }]
  const before = server.requests.length
  await expect(sent('GOOGLE', messages)).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    message: expect.stringContaining('public'),
  })
  expect(server.requests).toHaveLength(before)
})
