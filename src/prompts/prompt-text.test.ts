import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockFormats, blockRoles, type PromptContent } from './prompt-content.ts'
import { promptText } from './prompt-text.ts'

const nothing: PromptContent = {
  blocks: [],
  variables: [],
  model: null,
  tools: null,
  toolChoice: null,
  responseSchema: null,
}

const block = {
  id: 'intro',
  name: null,
  role: 'SYSTEM',
  format: 'TEXT',
  content: 'Hi',
  when: null,
  enabled: true,
} as const

test('a prompt reads from its blocks to its response schema', () => {
  const text = promptText({
    blocks: [
      { ...block, name: 'The role', content: 'You are {{name}}.\n\nBe kind.\n', when: "tier == 'pro'" },
      { ...block, id: 'b 2', role: 'TOOL', format: 'JSON', content: '[]', when: 'a ||\nb', enabled: false },
      { ...block, id: 'empty', role: 'USER', content: '' },
    ],
    variables: [
      { name: 'name', description: 'What it calls itself', required: false, default: 'Ada' },
      { name: 'tier', description: null, required: true, default: null },
    ],
    model: { provider: 'openai', name: 'gpt-4o', parameters: { top_p: 1, temperature: 0.5 } },
    tools: [{ name: 'search', parameters: {} }],
    toolChoice: 'auto',
    responseSchema: [],
  })
  expect(text).toMatchInlineSnapshot(`
    "block intro: SYSTEM, name "The role"
    when: tier == 'pro'
      You are {{name}}.
      
      Be kind.
      

    block "b 2": TOOL, JSON, disabled
    when: "a ||\\nb"
      []

    block empty: USER

    variable name: optional
    description: What it calls itself
    default:
      "Ada"

    variable tier: required

    model: openai gpt-4o
    parameters:
      {
        "temperature": 0.5,
        "top_p": 1
      }

    tools:
      [
        {
          "name": "search",
          "parameters": {}
        }
      ]

    tool choice:
      "auto"

    response schema:
      []
    "
  `)
})

test('where there is nothing, nothing is said', () => {
  expect(promptText(nothing)).toBe('')
  expect(promptText({ ...nothing, model: { provider: 'a', name: 'b', parameters: null } })).toBe('model: a b\n')
})

test('500 levels of JSON are gone down, and take no more than some times their room', () => {
  const inner = Array.from({ length: 100_000 }, () => 1)
  const tools = Array.from({ length: 500 }).reduce<unknown>((held) => [held], inner)
  expect(promptText({ ...nothing, tools }).length).toBeLessThan(1_000_000)
})

const tricky = fc.oneof(
  fc.constantFrom('', '"', '"a"', 'a b', 'x: USER', 'tools:', '\n', '\\', '  '),
  fc
    .array(fc.constantFrom('block a: USER', 'when: x', 'tools:', '  ', '"', ',', ' JSON', '\n', '\r', 'x', '\u2028'), {
      maxLength: 5,
    })
    .map((pieces) => pieces.join('')),
)
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })
const json = fc.oneof(
  fc.constantFrom<unknown>(null, [], {}, '', 'auto', 0, '0', [[]], { a: null }, { a: 1, b: 2 }, { b: 2, a: 1 }),
  fc.jsonValue({ maxDepth: 2, noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('-0')),
)
const someContent: fc.Arbitrary<PromptContent> = fc.record(
  {
    blocks: fc.array(
      fc.record(
        {
          id: tricky,
          name: orNull(tricky),
          role: fc.constantFrom(...blockRoles),
          format: fc.constantFrom(...blockFormats),
          content: tricky,
          when: orNull(tricky),
          enabled: fc.boolean(),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 2 },
    ),
    variables: fc.array(
      fc.record(
        { name: tricky, description: orNull(tricky), required: fc.boolean(), default: json },
        { noNullPrototype: true },
      ),
      { maxLength: 2 },
    ),
    model: orNull(fc.record({ provider: tricky, name: tricky, parameters: json }, { noNullPrototype: true })),
    tools: json,
    toolChoice: json,
    responseSchema: json,
  },
  { noNullPrototype: true },
)

test('two contents have the same text only if they are the same', () => {
  fc.assert(
    fc.property(someContent, someContent, (one, other) => {
      expect(promptText(one) === promptText(other)).toBe(canonical(one) === canonical(other))
    }),
    { numRuns: 2_000 },
  )
})

// Two at random are hardly ever close; so each is also compared with itself but for one field.
test('a change of any field shows, and only a change', () => {
  const field = fc.constantFrom('blocks', 'variables', 'model', 'tools', 'toolChoice', 'responseSchema')
  fc.assert(
    fc.property(someContent, someContent, field, (one, other, key) => {
      const changed = { ...one, [key]: other[key as keyof PromptContent] }
      expect(promptText(one) === promptText(changed)).toBe(canonical(one) === canonical(changed))
    }),
    { numRuns: 2_000 },
  )
})

test('the text can be read back into the headings and the contents that it was made of', () => {
  fc.assert(
    fc.property(fc.array(tricky, { maxLength: 4 }), (contents) => {
      const text = promptText({ ...nothing, blocks: contents.map((content) => ({ ...block, content })) })
      const read = text === '' ? [] : text.split(/\n?(?<=^|\n)block intro: SYSTEM\n/).slice(1)
      expect(read.map((section) => section.replace(/\n$/, '').replaceAll(/^ {2}/gm, ''))).toHaveLength(contents.length)
      const back = read.map((section) =>
        section
          .split('\n')
          .slice(0, -1)
          .map((line) => line.slice(2))
          .join('\n'),
      )
      expect(back).toEqual(contents)
    }),
  )
})

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, held) =>
    typeof held === 'object' && held !== null && !Array.isArray(held)
      ? Object.fromEntries(Object.entries(held).sort(([one], [other]) => (one < other ? -1 : 1)))
      : held,
  )
}
