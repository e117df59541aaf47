import { applyPatch } from 'diff'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PromptBlock, PromptContent } from './prompt-content.ts'
import { type BlockDiff, diffContents } from './prompt-diff.ts'
import { promptText } from './prompt-text.ts'

const names = { before: 'greeting v1', after: 'greeting draft' }

const makeBlock = (block: Partial<PromptBlock>): PromptBlock => ({
  id: 'a',
  name: null,
  role: 'SYSTEM',
  format: 'TEXT',
  content: '',
  when: null,
  enabled: true,
  ...block,
})

const makeContent = (content: Partial<PromptContent> = {}): PromptContent => ({
  blocks: [],
  variables: [],
  model: null,
  tools: null,
  toolChoice: null,
  responseSchema: null,
  ...content,
})

const ofBlocks = (...ids: string[]) =>
  makeContent({ blocks: ids.map((id) => makeBlock({ id, content: `I am ${id}` })) })

const told = (blocks: readonly BlockDiff[]) => blocks.map(({ blockId, change }) => `${blockId} ${change}`)

test('contents that are the same differ in nothing', () => {
  const content = makeContent({ ...ofBlocks('a', 'b'), tools: [{ name: 't', a: 1 }] })
  const same = makeContent({ ...ofBlocks('a', 'b'), tools: [{ a: 1, name: 't' }] })
  expect(diffContents(content, same, names)).toMatchObject({
    identical: true,
    blocks: [
      { blockId: 'a', change: 'UNCHANGED', moved: false, parts: [{ kind: 'EQUAL', text: 'I am a' }] },
      { blockId: 'b', change: 'UNCHANGED', moved: false },
    ],
    variables: [],
    model: [],
    tools: [],
    unified: '',
  })
})

test('what was removed stands behind what it stood behind', () => {
  const { blocks } = diffContents(ofBlocks('r', 'a', 's', 't', 'b', 'u'), ofBlocks('b', 'new', 'a'), names)
  expect(told(blocks)).toEqual([
    'r REMOVED',
    expect.stringMatching('b UNCHANGED|b MOVED'),
    'u REMOVED',
    'new ADDED',
    expect.stringMatching('a UNCHANGED|a MOVED'),
    's REMOVED',
    't REMOVED',
  ])
})

test('one block that was moved is the only one that was', () => {
  const { blocks } = diffContents(ofBlocks('a', 'b', 'c', 'd'), ofBlocks('b', 'c', 'd', 'a'), names)
  expect(told(blocks)).toEqual(['b UNCHANGED', 'c UNCHANGED', 'd UNCHANGED', 'a MOVED'])
})

test.each<Partial<PromptBlock>>([
  { name: 'n' },
  { role: 'USER' },
  { format: 'JSON' },
  { content: ' ' },
  { when: 'x' },
  { enabled: false },
])('a block with another %j has changed, moved or not', (change) => {
  const [a, b, c] = [makeBlock({}), makeBlock({ id: 'b' }), makeBlock({ id: 'c' })]
  const changed = { ...a, ...change }
  const stayed = diffContents(makeContent({ blocks: [a] }), makeContent({ blocks: [changed] }), names)
  expect(stayed).toMatchObject({ identical: false, blocks: [{ change: 'CHANGED', moved: false, after: changed }] })
  const moved = diffContents(makeContent({ blocks: [a, b, c] }), makeContent({ blocks: [b, c, changed] }), names)
  expect(moved.blocks.at(-1)).toMatchObject({ change: 'CHANGED', moved: true, before: a, after: changed })
})

test('variables, model, tools, tool choice and response schema are told by their paths', () => {
  const city = { name: 'city', description: null, required: true, default: null }
  const unit = { name: 'unit', description: null, required: false, default: 'C' }
  const before = makeContent({
    variables: [city, unit],
    model: { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 1 } },
    tools: [{ name: 'search', description: 'Old' }],
    responseSchema: { type: 'object' },
  })
  const after = makeContent({
    variables: [unit, { ...city, required: false, default: 'Paris' }, { ...city, name: 'day' }],
    model: { provider: 'openai', name: 'gpt-5', parameters: { temperature: 0 } },
    tools: [{ name: 'search', description: 'New' }],
    toolChoice: { type: 'function', name: 'search' },
    responseSchema: { type: 'array' },
  })
  const { variables, model, tools } = diffContents(before, after, names)
  expect(variables).toEqual([
    { path: 'variables.city.default', change: 'ADDED', before: null, after: 'Paris' },
    { path: 'variables.city.required', change: 'CHANGED', before: true, after: false },
    { path: 'variables.day', change: 'ADDED', before: null, after: { name: 'day', required: true } },
    { path: 'variables', change: 'MOVED', before: ['city', 'unit'], after: ['unit', 'city', 'day'] },
  ])
  expect(model).toEqual([
    { path: 'model.name', change: 'CHANGED', before: 'gpt-4o', after: 'gpt-5' },
    { path: 'model.parameters.temperature', change: 'CHANGED', before: 1, after: 0 },
  ])
  expect(tools).toEqual([
    { path: 'tools.search.description', change: 'CHANGED', before: 'Old', after: 'New' },
    { path: 'toolChoice', change: 'ADDED', before: null, after: { type: 'function', name: 'search' } },
    { path: 'responseSchema.type', change: 'CHANGED', before: 'object', after: 'array' },
  ])
})

test('a model that comes to be is told as a whole', () => {
  const model = { provider: 'openai', name: 'gpt-4o', parameters: null }
  expect(diffContents(makeContent(), makeContent({ model }), names).model).toEqual([
    { path: 'model', change: 'ADDED', before: null, after: { provider: 'openai', name: 'gpt-4o' } },
  ])
})

test('the unified diff is one that a person can read', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`)
  // Between the first two changes are six lines: the context of both, so that they stand in one hunk.
  const changed = lines.with(1, 'another').with(8, 'one more').toSpliced(19, 0, '\\ No newline at end of file')
  const [before, after] = [lines, changed].map((some) =>
    makeContent({ blocks: [makeBlock({ content: some.join('\n') })] }),
  )
  expect(diffContents(before as PromptContent, after as PromptContent, names).unified).toMatchInlineSnapshot(`
    "--- greeting v1
    +++ greeting draft
    @@ -1,13 +1,13 @@
     block a: SYSTEM
       line 0
    -  line 1
    +  another
       line 2
       line 3
       line 4
       line 5
       line 6
       line 7
    -  line 8
    +  one more
       line 9
       line 10
       line 11
    @@ -18,4 +18,5 @@
       line 16
       line 17
       line 18
    +  \\ No newline at end of file
       line 19
    "
  `)
})

test('blocks that were moved are as few as there can be', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  const shuffled = fc.shuffledSubarray(ids)
  fc.assert(
    fc.property(shuffled, shuffled, (before, after) => {
      const { blocks } = diffContents(ofBlocks(...before), ofBlocks(...after), names)
      const moved = blocks.filter((block) => block.moved).map(({ blockId }) => blockId)
      const common = after.filter((id) => before.includes(id))
      const kept = (subset: string[]) => common.filter((id) => subset.includes(id))
      const isInOrder = (some: string[]) => some.join() === before.filter((id) => some.includes(id)).join()
      expect(isInOrder(common.filter((id) => !moved.includes(id)))).toBe(true)
      const subsets = Array.from({ length: 1 << ids.length }, (_, bits) => ids.filter((_, nth) => (bits >> nth) & 1))
      const longest = Math.max(
        ...subsets
          .map(kept)
          .filter(isInOrder)
          .map((some) => some.length),
      )
      expect(moved).toHaveLength(common.length - longest)
    }),
    { numRuns: 300 },
  )
})

const piece = fc.constantFrom(
  'a',
  'word ',
  ' ',
  '\n',
  '\n\n',
  '\r\n',
  '\r',
  '\\ No newline',
  '\u2028',
  '-- ',
  '+',
  '@@ ',
  '猫',
  '😀',
)
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
const block = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e \n'),
  name: fc.option(text, { nil: null }),
  role: fc.constantFrom('SYSTEM' as const, 'USER' as const),
  format: fc.constantFrom('TEXT' as const, 'JSON' as const),
  content: text,
  when: fc.option(text, { nil: null }),
  enabled: fc.boolean(),
})
const variable = fc.record({
  name: fc.constantFrom('x', 'y', 'z'),
  description: fc.option(text, { nil: null }),
  required: fc.boolean(),
  default: fc.constantFrom<unknown>(null, 0, 'x', { a: [1, 2, 3] }),
})
const json = fc.constantFrom<unknown>(null, [], {}, 'auto', [{ name: 'a', b: 1 }, { name: 'c' }], [{ name: 'c' }])
const someContent: fc.Arbitrary<PromptContent> = fc.record({
  blocks: fc.uniqueArray(block, { selector: ({ id }) => id, maxLength: 5 }),
  variables: fc.uniqueArray(variable, { selector: ({ name }) => name, maxLength: 3 }),
  model: fc.constantFrom(
    null,
    { provider: 'p', name: 'm', parameters: null },
    { provider: 'p', name: 'n', parameters: {} },
  ),
  tools: json,
  toolChoice: json,
  responseSchema: json,
})

test('the unified diff makes the one text out of the other', () => {
  fc.assert(
    fc.property(someContent, someContent, fc.string({ unit: 'binary' }), (before, after, name) => {
      const { unified, identical } = diffContents(before, after, { before: name, after: 'b' })
      if (identical) expect(unified).toBe('')
      else expect(applyPatch(promptText(before), unified)).toBe(promptText(after))
    }),
    { numRuns: 500 },
  )
})

test('every block of either side is listed once, and its parts make its contents', () => {
  fc.assert(
    fc.property(someContent, someContent, (before, after) => {
      const { blocks } = diffContents(before, after, names)
      const listed = (side: 'before' | 'after') => blocks.map((block) => block[side]).filter((block) => block !== null)
      expect(listed('after')).toEqual(after.blocks)
      expect(new Set(listed('before'))).toEqual(new Set(before.blocks))
      expect(new Set(blocks.map(({ blockId }) => blockId)).size).toBe(blocks.length)
      for (const { before: old, after: current, parts } of blocks) {
        const without = (left: string) => parts.filter(({ kind }) => kind !== left).map((part) => part.text)
        expect(without('INSERTED').join('')).toBe(old?.content ?? '')
        expect(without('DELETED').join('')).toBe(current?.content ?? '')
      }
    }),
  )
})

test('contents are identical if there is nothing to tell, and only then', () => {
  const close = fc
    .tuple(someContent, someContent, fc.subarray(['blocks', 'variables', 'model', 'tools', 'toolChoice'] as const))
    .map(
      ([one, other, keys]) => [one, { ...one, ...Object.fromEntries(keys.map((key) => [key, other[key]])) }] as const,
    )
  fc.assert(
    fc.property(close, ([before, after]) => {
      const { identical, blocks, variables, model, tools, unified } = diffContents(before, after, names)
      const isTold =
        blocks.some(({ change }) => change !== 'UNCHANGED') || [variables, model, tools].some((some) => some[0])
      expect(isTold).toBe(!identical)
      expect(unified !== '').toBe(!identical)
    }),
    { numRuns: 500 },
  )
})
