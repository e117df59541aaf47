import { expect, test } from 'vitest'
import { convertMessages } from './message-conversion.ts'

test.each<[string, unknown]>([
  ['must be an object', 'hello'],
  ['must have the role', { role: 'alien', content: 'hello' }],
  ['must have a content', { role: 'user' }],
  ['must have a content', { role: 'user', content: null }],
  ['has a part that is no object', { role: 'user', content: [1] }],
  ['has a part of the type "hologram"', { role: 'user', content: [{ type: 'hologram' }] }],
  ['has a part of the type "constructor"', { role: 'user', content: [{ type: 'constructor' }] }],
  ['has a part whose text is no text', { role: 'user', content: [{ type: 'text', text: 1 }] }],
  ['has a part whose image is no text', { role: 'user', content: [{ type: 'image_url', image_url: {} }] }],
  ['has a data URL', { role: 'user', content: [{ type: 'image', image: 'data:nonsense' }] }],
  [
    'has a source of the type "file"',
    { role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: '1' } }] },
  ],
  ['may hold text only', { role: 'system', content: [{ type: 'image', image: 'aaaa' }] }],
  ['has a tool call without an id', { role: 'assistant', tool_calls: [{ function: { name: 'x' } }] }],
  ['has a tool call without a name', { role: 'assistant', tool_calls: [{ id: 'x', function: {} }] }],
  ['has tool_calls that are no list', { role: 'assistant', tool_calls: 'none' }],
  ['must have the tool_call_id', { role: 'tool', content: 'x' }],
])('a message that %s is named', (problem, message) => {
  const messages = [{ role: 'user', content: 'fine' }, message]
  expect(() => convertMessages(messages)).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringMatching(/^messages\[1\] /) }),
  )
  expect(() => convertMessages(messages)).toThrow(problem)
})

test('no messages are refused', () => {
  expect(() => convertMessages([])).toThrow('nothing to send')
})
