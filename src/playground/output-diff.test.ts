import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDecimals, parseDecimal } from '../decimal.ts'
import { decimalDifferenceOf, differenceOf, diffOutputs } from './output-diff.ts'

const call = { name: 'f', arguments: { a: 1, b: '{}' } }
const callText = '{\n  "arguments": {\n    "a": 1,\n    "b": "{}"\n  },\n  "name": "f"\n}'
const openAiCall = {
  id: 'call_1',
  type: 'function',
  function: { name: 'f', arguments: JSON.stringify(call.arguments) },
}

test.each<[output: unknown, text: string]>([
  [null, ''],
  ['{"b":1,"a":2}', '{"b":1,"a":2}'],
  [{ role: 'assistant', content: 'Hi' }, 'Hi'],
  [
    {
      role: 'Assistant',
      content: [
        { type: 'text', text: 'H' },
        { type: 'text', text: 'i' },
      ],
    },
    'Hi',
  ],
  [[{ type: 'text', text: 'Hi' }], 'Hi'],
  [{ text: 'Hi' }, 'Hi'],
  [{ text: 'Hi', finishReason: 'stop', usage: { inputTokens: 1 }, toolCalls: [] }, 'Hi'],
  [{ id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'Hi', refusal: null } }], usage: {} }, 'Hi'],
  [{ choices: [{ text: 'Hi' }, { text: 'Ho' }] }, 'Hi\nHo'],
  [{ role: 'assistant', content: null, refusal: 'No.' }, 'No.'],
  [
    {
      type: 'message',
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm' },
        { type: 'text', text: 'Hi' },
      ],
    },
    'Hi',
  ],
  [
    {
      object: 'response',
      output: [{ type: 'reasoning' }, { role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] }],
    },
    'Hi',
  ],
  [{ candidates: [{ content: { role: 'model', parts: [{ text: 'Hi' }] } }] }, 'Hi'],
  [[{ role: 'assistant', parts: [{ type: 'text', content: 'Hi' }], finish_reason: 'stop' }], 'Hi'],
  [
    [
      { role: 'assistant', content: 'Hi' },
      { role: 'assistant', content: 'Ho' },
    ],
    'Hi\nHo',
  ],
  [{ role: 'assistant', content: 'Hi', tool_calls: [openAiCall] }, `Hi\n${callText}`],
  [{ role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: call.arguments }] }, callText],
  [
    [
      { type: 'tool-call', toolCallId: 't', toolName: 'f', input: call.arguments },
      { type: 'text', text: 'Hi' },
    ],
    `${callText}\nHi`,
  ],
  [{ role: 'model', parts: [{ functionCall: { name: 'f', args: call.arguments } }] }, callText],
  [{ text: '', toolCalls: [{ toolName: 'f', args: call.arguments }] }, callText],
  [{ object: 'response', output: [{ type: 'function_call', ...openAiCall.function }] }, callText],
  [{ role: 'assistant', content: [{ type: 'image', url: 'u' }] }, '{\n  "type": "image",\n  "url": "u"\n}'],
])('%j is shown as its text', (output, text) => {
  expect(diffOutputs(output, output)).toEqual(text === '' ? [] : [{ kind: 'EQUAL', text }])
})

test.each([
  [{ b: 1, a: [2] }, '{\n  "a": [\n    2\n  ],\n  "b": 1\n}'],
  [{ text: 'Hi', score: 1 }, '{\n  "score": 1,\n  "text": "Hi"\n}'],
  [{ role: 'admin', content: 'x' }, '{\n  "content": "x",\n  "role": "admin"\n}'],
  [[{ type: 'bug', text: 'x' }], '[\n  {\n    "text": "x",\n    "type": "bug"\n  }\n]'],
  [{ choices: [1] }, '{\n  "choices": [\n    1\n  ]\n}'],
  [[], '[]'],
  [0, '0'],
  [false, 'false'],
])('%j is JSON of its own', (output, text) => {
  expect(diffOutputs(output, output)).toEqual([{ kind: 'EQUAL', text }])
})

test('texts are compared word by word, whatever they came in', () => {
  expect(diffOutputs({ role: 'assistant', content: 'It is red.' }, 'It is blue.')).toEqual([
    { kind: 'EQUAL', text: 'It is ' },
    { kind: 'DELETED', text: 'red' },
    { kind: 'INSERTED', text: 'blue' },
    { kind: 'EQUAL', text: '.' },
  ])
  expect(diffOutputs(null, 'Hi')).toEqual([{ kind: 'INSERTED', text: 'Hi' }])
  expect(diffOutputs({ a: 1 }, null)).toEqual([{ kind: 'DELETED', text: '{\n  "a": 1\n}' }])
})

test('JSON that was answered as a text is compared as JSON with what is JSON', () => {
  expect(diffOutputs({ b: 1, a: 2 }, '{"a":2,"b":1}')).toEqual([{ kind: 'EQUAL', text: '{\n  "a": 2,\n  "b": 1\n}' }])
  expect(diffOutputs({ role: 'assistant', content: '[1]' }, [1])).toEqual([{ kind: 'EQUAL', text: '[\n  1\n]' }])
  expect(diffOutputs(5, 'about five')).toEqual([
    { kind: 'DELETED', text: '5' },
    { kind: 'INSERTED', text: 'about five' },
  ])
})

test('no depth is too deep, and none makes it grow', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const deep = JSON.parse(nested(500))
  expect(diffOutputs(deep, nested(500))).toEqual([{ kind: 'EQUAL', text: nested(500) }])
  expect(diffOutputs([deep], nested(100_000)).map(({ kind }) => kind)).toContain('INSERTED')
})

test('equal JSON gives no difference, in whatever order its keys are; unlike JSON gives both sides', () => {
  const values = fc.jsonValue({ stringUnit: 'binary' }).map((value) => JSON.parse(JSON.stringify(value)))
  const isSame = (value: unknown, other: unknown) => diffOutputs(value, other).every(({ kind }) => kind === 'EQUAL')
  fc.assert(
    fc.property(values, values, (value, other) => {
      expect(isSame(value, reversed(value))).toBe(true)
      const parts = diffOutputs(value, other)
      const sideOf = (kind: string) => parts.filter((part) => part.kind !== kind).map(({ text }) => text)
      expect(sideOf('INSERTED').join('') === sideOf('DELETED').join('')).toBe(isSame(value, other))
    }),
  )
})

test('a difference is what came after without what was before', () => {
  expect(differenceOf(10, 4)).toBe(-6)
  expect(differenceOf(0.1, 0.3)).toBe(0.2)
  expect(differenceOf(1000.1, 1234.567)).toBe(234.467)
  expect(differenceOf(null, 1)).toBeNull()
  expect(differenceOf(1, null)).toBeNull()
  expect(differenceOf(1, Number.NaN)).toBeNull()
})

test('of decimals it is exact', () => {
  expect(decimalDifferenceOf('0.0045', '0.1')).toBe('0.0955')
  expect(decimalDifferenceOf('1.50', '1.5')).toBe('0')
  expect(decimalDifferenceOf('12345678901234567890.000000000000000001', '0')).toBe(
    '-12345678901234567890.000000000000000001',
  )
  expect(decimalDifferenceOf(null, '1')).toBeNull()
  expect(decimalDifferenceOf('1', 'much')).toBeNull()

  const decimals = fc
    .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat({ max: 18 }))
    .map(([units, places]) => parseDecimal(`${units}e-${places}`) as string)
  fc.assert(
    fc.property(decimals, decimals, (before, after) => {
      const difference = decimalDifferenceOf(before, after) as string
      expect(addDecimals([before, difference])).toBe(after)
    }),
  )
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}
