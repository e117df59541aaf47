import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvalidInputError, LimitError } from '../errors.ts'
import {
  compileContent,
  MissingVariablesError,
  maxCompiledLength,
  prepareContent,
  UndecidableConditionError,
} from './compile.ts'
import { BrokenBlockError } from './prepared-block.ts'
import type { PromptBlock, PromptContent, PromptVariable } from './prompt-content.ts'

test('compiles texts and JSON, in order, by role', () => {
  const parts = '[{"type":"text","text":"Hi {{ name }}"},{"n":1.5,"{{ name }}":[true,null]}]'
  const calls = '{"tool_calls":[{"id":"{{ id }}"}],"content":null}'
  const result = compile(
    [
      block({ role: 'SYSTEM', content: 'You help {{ name }}.' }),
      block({ format: 'JSON', content: parts }),
      block({ role: 'ASSISTANT', format: 'JSON', content: calls }),
      block({ role: 'TOOL', format: 'JSON', content: '{"role":"function","content":"{{ id }}"}' }),
    ],
    { name: 'Ada', id: 'call_1' },
  )
  expect(result.messages).toEqual([
    { role: 'system', content: 'You help Ada.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hi Ada' },
        { n: 1.5, '{{ name }}': [true, null] },
      ],
    },
    { role: 'assistant', tool_calls: [{ id: 'call_1' }], content: null },
    { role: 'function', content: 'call_1' },
  ])
  expect(result.blocks.map(({ text }) => text)).toEqual([
    'You help Ada.',
    '[{"type":"text","text":"Hi Ada"},{"n":1.5,"{{ name }}":[true,null]}]',
    '{"tool_calls":[{"id":"call_1"}],"content":null}',
    '{"role":"function","content":"call_1"}',
  ])
})

test('a block is left out where it is disabled or its condition does not hold, and then not rendered', () => {
  const blocks = [
    block({ content: '{{ a }}', when: 'flag' }),
    block({ content: '{{ b }}', when: '!flag' }),
    block({ content: '{{ c }}', when: 'absent.key', enabled: false }),
  ]
  const result = compile(blocks, { flag: true, a: 1 })
  expect(result.blocks).toEqual([
    { block: blocks[0], included: true, text: '1' },
    { block: blocks[1], included: false, text: null },
    { block: blocks[2], included: false, text: null },
  ])
  expect(result).toMatchObject({ messages: [{ content: '1' }], missingVariables: [] })
})

test('a value is what was given, or the default where that is nothing', () => {
  const variables = [variable('a', { default: 'A' }), variable('b', { default: { c: 1 } }), variable('d')]
  const blocks = [block({ content: '{{ a }} {{ b.c }} {{ d }}', when: "a != ''" })]
  expect(compile(blocks, {}, variables).blocks[0]?.text).toBe('A 1 ')
  expect(compile(blocks, { a: null, b: undefined, d: 2 }, variables).blocks[0]?.text).toBe('A 1 2')
  expect(compile(blocks, { a: false, b: { c: 0 } }, variables).blocks[0]?.text).toBe('false 0 ')
  expect(compile(blocks, { a: '' }, variables).blocks[0]?.included).toBe(false)
})

test('all required variables that are missing are named, before anything is decided', () => {
  const variables = ['a', 'b', 'c'].map((name) => variable(name, { required: true }))
  const blocks = [block({ when: 'a.b' })]
  const failure = catching(() => compile(blocks, { b: 1, c: null }, variables))
  expect(failure).toBeInstanceOf(MissingVariablesError)
  expect(failure).toMatchObject({
    code: 'INVALID_INPUT',
    message: 'Required variables are missing: a, c.',
    details: { field: 'variables', missingVariables: ['a', 'c'] },
  })
  const withDefault = [variable('a', { required: true, default: 0 })]
  expect(compile([block({ content: '{{ a }}' })], {}, withDefault).messages).toEqual([{ role: 'user', content: '0' }])
})

test('leniently, what is missing is reported: required ones first, then paths in order, each once', () => {
  const variables = [variable('z', { required: true }), variable('y', { required: true })]
  const blocks = [
    block({ content: '{{ x.k }}{{ y }}{{ x.k }}{{ w }}' }),
    block({ content: '{{ v }}', when: 'false' }),
    block({ format: 'JSON', content: '["{{ u }}"]' }),
  ]
  const result = compile(blocks, { x: {}, w: null }, variables, true)
  expect(result.missingVariables).toEqual(['z', 'y', 'x.k', 'w', 'u'])
  expect(result.messages).toHaveLength(2)
})

test('given names that are nowhere declared or used are unknown', () => {
  const blocks = [
    block({ content: '{{ a.b }}', enabled: false }),
    block({ when: 'c.d && [1].all(i, i == 1) && type == "x"', enabled: false }),
    block({ format: 'JSON', content: '{"{{ e }}":"{{ f }}"}' }),
  ]
  const given = { x: 1, a: 1, c: 1, i: 1, f: 1, e: 1, declared: 1, type: 1, b: 1 }
  expect(compile(blocks, given, [variable('declared')]).unknownVariables).toEqual(['x', 'i', 'e', 'b'])
})

test('a condition that can not be decided fails, or leniently leaves its block out', () => {
  const blocks = [block({}), block({ id: 'pro', when: "user.plan == 'pro'" })]
  const failure = catching(() => compile(blocks, { user: {} }))
  expect(failure).toBeInstanceOf(UndecidableConditionError)
  expect(failure).toBeInstanceOf(InvalidInputError)
  expect(failure).toMatchObject({ index: 1, blockId: 'pro', details: { field: 'variables' } })
  expect((failure as UndecidableConditionError).reason).toContain('field not found: plan')
  expect(compile(blocks, { user: {} }, [], true).blocks.map(({ included }) => included)).toEqual([true, false])
})

test.each<[string, Partial<PromptBlock>, object]>([
  ['a template', { content: 'a\nb {{ }}' }, { part: 'content', line: 2, column: 3 }],
  ['a condition', { when: 'a &&\n ?' }, { part: 'when', line: 1, column: 3 }],
  ['a condition of nothing', { when: '' }, { part: 'when', line: 1, column: 1 }],
  ['JSON', { format: 'JSON', content: '{\n"a": }' }, { part: 'content', line: 2, column: 6 }],
  ['long JSON', { format: 'JSON', content: `["${'x'.repeat(99)}",\ntrux]` }, { part: 'content', line: 2, column: 4 }],
  ['JSON that ends', { format: 'JSON', content: '[1' }, { part: 'content', line: 1, column: 3 }],
  ['JSON of a text', { format: 'JSON', content: '"a"' }, { part: 'content', line: 1, column: 1 }],
  ['a null', { format: 'JSON', content: 'null' }, { part: 'content' }],
  [
    'a template in JSON',
    { format: 'JSON', content: '{"{{": "ok {{a}}",\n "b": ["\\n\\u00e9\\"{{ x y }}"]}' },
    { part: 'content', line: 2, column: 19 },
  ],
])('%s that is broken is refused with its place, in a disabled block too', (_, broken, place) => {
  for (const enabled of [true, false]) {
    const failure = catching(() => prepareContent(contentOf([block({}), block({ id: 'b', enabled, ...broken })], [])))
    expect(failure).toBeInstanceOf(BrokenBlockError)
    expect(failure).toMatchObject({ index: 1, blockId: 'b', ...place })
  }
})

test('the conditions of a prompt are limited together', () => {
  const when = `a == '${'x'.repeat(1_900)}'`
  const failure = catching(() => prepareContent(contentOf(Array(6).fill(block({ when })), [])))
  expect(failure).toMatchObject({ index: 5, part: 'when', reason: expect.stringContaining('10000 characters') })
})

test('the whole output is limited, that of JSON as it is written', () => {
  const half = { text: 'x'.repeat(maxCompiledLength / 2) }
  const blocks = [block({ content: '{{ text }}' }), block({ content: '{{ text }}' })]
  expect(compile(blocks, half).messages).toHaveLength(2)
  const failure = catching(() => compile([...blocks, block({ content: '!' })], half))
  expect(failure).toBeInstanceOf(LimitError)
  expect(failure).toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    details: { limit: 'compiledLength', max: maxCompiledLength },
  })
  const quotes = { text: '"'.repeat(maxCompiledLength / 2) }
  expect(() => compile([block({ format: 'JSON', content: '["{{ text }}"]' })], quotes)).toThrow(LimitError)
})

test('a prepared content can be compiled any number of times, and is left as it is', () => {
  const prepared = prepareContent(contentOf([block({ format: 'JSON', content: '{"a":["{{ x }}"]}' })], []))
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (x) => {
      const { messages, blocks } = compileContent(prepared, { x }, { isLenient: false })
      expect(messages).toEqual([{ role: 'user', a: [x] }])
      expect(JSON.parse(blocks[0]?.text ?? '')).toEqual({ a: [x] })
    }),
  )
})

function compile(
  blocks: PromptBlock[],
  given: Record<string, unknown>,
  variables: PromptVariable[] = [],
  isLenient = false,
) {
  return compileContent(prepareContent(contentOf(blocks, variables)), given, { isLenient })
}

function contentOf(blocks: PromptBlock[], variables: PromptVariable[]): PromptContent {
  return { blocks, variables, model: null, tools: null, toolChoice: null, responseSchema: null }
}

function block(given: Partial<PromptBlock>): PromptBlock {
  return { id: 'a', name: null, role: 'USER', format: 'TEXT', content: '', when: null, enabled: true, ...given }
}

function variable(name: string, given: Partial<PromptVariable> = {}): PromptVariable {
  return { name, description: null, required: false, default: null, ...given }
}

function catching(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('Expected a failure.')
}
