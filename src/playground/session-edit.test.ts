import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DomainError, InvalidInputError, NotFoundError } from '../errors.ts'
import { maxCompiledLength } from '../prompts/compile.ts'
import { blockFormats, blockRoles, type PromptBlock, type PromptContent } from '../prompts/prompt-content.ts'
import { addBlock, editBlock, moveBlock, removeBlock, setModel, setTools } from './session-edit.ts'

const content = contentOf([
  block('intro', { name: 'Intro', role: 'SYSTEM', content: 'Hi {{ name }}', when: 'tier == 1' }),
  block('ask'),
  block('call', { format: 'JSON', content: '{"a":1}' }),
])

test('an edit changes what is given and nothing else', () => {
  expect(editBlock(content, 'intro', {}).blocks).toEqual(content.blocks)
  expect(editBlock(content, 'intro', { name: null, when: null, content: 'Ho', enabled: false }).blocks[0]).toEqual({
    ...content.blocks[0],
    name: null,
    when: null,
    content: 'Ho',
    enabled: false,
  })
  expect(editBlock(content, 'ask', { name: 'Ask', role: 'TOOL', format: 'JSON', content: '[1]' }).blocks[1]).toEqual(
    block('ask', { name: 'Ask', role: 'TOOL', format: 'JSON', content: '[1]' }),
  )
  expect(editBlock(content, 'ask', { when: '  ' }).blocks[1]?.when).toBeNull()
  expect(editBlock(content, 'ask', { content: 'a\0\ud800', when: ' a ' }).blocks[1]).toMatchObject({
    content: 'a\ufffd\ufffd',
    when: 'a',
  })
})

test('a block is added where it is to stand, with an id that is free', () => {
  const input = { role: 'USER', content: 'More' } as const
  const ids = (position: number | null) =>
    addBlock(content, { ...input, name: 'Ask' }, position).blocks.map(({ id }) => id)
  expect(ids(null)).toEqual(['intro', 'ask', 'call', 'ask-2'])
  expect(ids(3)).toEqual(['intro', 'ask', 'call', 'ask-2'])
  expect(ids(0)).toEqual(['ask-2', 'intro', 'ask', 'call'])
  expect(addBlock(content, input, null).blocks.at(-1)).toEqual(block('user', { content: 'More' }))
})

test('a JSON block becomes text where it is edited to what is none, and nothing is said of a format', () => {
  const text = editBlock(content, 'call', { content: 'Hello {{ name }}' }).blocks[2]
  expect(text).toMatchObject({ format: 'TEXT', content: 'Hello {{ name }}' })
  expect(editBlock(content, 'call', { content: '{"b":2}' }).blocks[2]).toMatchObject({ format: 'JSON' })
})

test('model and tools are set, and removed with null', () => {
  const model = { provider: ' openai', name: 'gpt-4o', parameters: { temperature: 0 } }
  expect(setModel(content, model)).toEqual({ ...content, model: { ...model, provider: 'openai' } })
  expect(setModel({ ...content, model }, null)).toEqual(content)
  const equipped = setTools(content, { tools: [{ name: 'search' }], toolChoice: 'auto', responseSchema: {} })
  expect(equipped).toEqual({ ...content, tools: [{ name: 'search' }], toolChoice: 'auto', responseSchema: {} })
  expect(setTools(equipped, { toolChoice: null })).toEqual({ ...equipped, toolChoice: null })
  expect(setTools(equipped, {})).toEqual(equipped)
})

test.each<[field: string, edit: () => unknown]>([
  ['input.content', () => editBlock(content, 'ask', { content: '{{ x' })],
  ['input.content', () => editBlock(content, 'call', { content: '{' })],
  ['input.content', () => editBlock(content, 'ask', { format: 'JSON', content: 'x' })],
  ['input.content', () => editBlock(content, 'ask', { content: null })],
  ['input.format', () => editBlock(content, 'ask', { format: 'JSON' })],
  ['input.format', () => editBlock(content, 'ask', { format: null })],
  ['input.role', () => editBlock(content, 'ask', { role: null })],
  ['input.enabled', () => editBlock(content, 'ask', { enabled: null })],
  ['input.name', () => editBlock(content, 'ask', { name: 'x'.repeat(201) })],
  ['input.when', () => editBlock(content, 'ask', { when: '1 +' })],
  ['input.id', () => addBlock(content, { id: 'ask', role: 'USER', content: '' }, null)],
  ['input.id', () => addBlock(content, { id: 'a b', role: 'USER', content: '' }, null)],
  ['input.content', () => addBlock(content, { role: 'USER', format: 'JSON', content: '1' }, 0)],
  ['input.when', () => addBlock(content, { role: 'USER', content: '', when: ')' }, 0)],
  ['position', () => addBlock(content, { role: 'USER', content: '' }, 4)],
  ['position', () => addBlock(content, { role: 'USER', content: '' }, -1)],
  ['position', () => moveBlock(content, 'ask', 3)],
  ['position', () => moveBlock(content, 'ask', 0.5)],
  ['model.provider', () => setModel(content, { provider: ' ', name: 'm' })],
  ['model.parameters', () => setModel(content, { provider: 'p', name: 'm', parameters: [1] })],
  ['tools', () => setTools(content, { tools: nested(101) })],
  ['tools', () => setTools(content, { tools: 'x' })],
  ['tools[1]', () => setTools(content, { tools: [{}, 1] })],
  ['toolChoice', () => setTools(content, { toolChoice: [1] })],
  ['responseSchema', () => setTools(content, { responseSchema: 'x' })],
  ['responseSchema', () => setTools(content, { tools: [], responseSchema: nested(101) })],
])('INVALID_INPUT names %s', (field, edit) => {
  expect(thrownBy(edit)).toBeInstanceOf(InvalidInputError)
  expect(thrownBy(edit).details.field).toBe(field)
})

test('NOT_FOUND names the block that is not there', () => {
  for (const edit of [
    () => editBlock(content, 'gone', {}),
    () => moveBlock(content, 'gone', 0),
    () => removeBlock(content, 'gone'),
  ]) {
    expect(thrownBy(edit)).toBeInstanceOf(NotFoundError)
    expect(thrownBy(edit)).toMatchObject({ message: 'No block "gone" was found.', details: { field: 'blockId' } })
  }
})

test('conditions are limited all together', () => {
  const more = (when: string, to: PromptContent) => addBlock(to, { role: 'USER', content: '', when }, null)
  let full = content
  const fill = () => {
    for (;;) full = more('b'.repeat(1_000), full)
  }
  expect(thrownBy(fill)).toBeInstanceOf(InvalidInputError)
  expect(thrownBy(fill).message).toContain('characters together')
  expect(thrownBy(fill).details.field).toBe('input.when')
  expect(thrownBy(() => editBlock(full, 'ask', { when: 'b'.repeat(1_000) })).details.field).toBe('input.when')
  expect(editBlock(full, 'user', { when: 'c'.repeat(1_000) }).blocks[3]?.when).toBe('c'.repeat(1_000))
  expect(addBlock(full, { role: 'USER', content: '' }, 0).blocks).toHaveLength(full.blocks.length + 1)
})

test('what was broken before stands in the way of no other edit, and can be mended piece by piece', () => {
  const broken = contentOf([block('a', { content: '{{', when: '1 +' }), block('b', { when: ')' })])
  expect(editBlock(broken, 'a', { enabled: false }).blocks[0]?.enabled).toBe(false)
  const mended = editBlock(editBlock(broken, 'a', { when: 'x' }), 'a', { content: 'y' })
  expect(mended.blocks).toEqual([block('a', { content: 'y', when: 'x' }), broken.blocks[1]])
})

test('what was opened over a limit can be edited, and does not grow', () => {
  const long = contentOf(Array.from({ length: 700 }, (_, index) => block(`message-${index}`)))
  expect(editBlock(long, 'message-1', { content: 'longer', when: 'x' }).blocks[1]?.content).toBe('longer')
  expect(removeBlock(long, 'message-1').blocks).toHaveLength(699)
  expect(thrownBy(() => addBlock(long, { role: 'USER', content: '' }, 0))).toMatchObject({
    message: 'A session has up to 500 blocks; this one has 700.',
    details: { field: 'input' },
  })

  const wide = contentOf([block('wide', { content: 'x'.repeat(maxCompiledLength) }), block('b', { content: 'bbb' })])
  expect(editBlock(wide, 'b', { content: 'bb' }).blocks[1]?.content).toBe('bb')
  expect(thrownBy(() => editBlock(wide, 'b', { content: 'bbbb' })).details.field).toBe('input')
  expect(thrownBy(() => setModel(wide, { provider: 'p', name: 'm' })).details.field).toBe('model')
  expect(thrownBy(() => setTools(wide, { responseSchema: { a: 'xx' } })).details.field).toBe('responseSchema')
})

const blocks = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,3}$/), { maxLength: 8 }).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({
        id: fc.constant(id),
        name: fc.option(fc.constantFrom('A', 'B')),
        role: fc.constantFrom(...blockRoles),
        format: fc.constantFrom(...blockFormats),
        content: fc.constantFrom('{}', '[]', '{"a":"{{ a }}"}'),
        when: fc.option(fc.constantFrom('a', 'b == 1')),
        enabled: fc.boolean(),
      }),
    ),
  ),
)
const contents = blocks.map(contentOf)
const someContents = contents.filter(({ blocks }) => blocks.length > 0)

test('moving puts the block there and keeps the others in their order; where it is, nothing changes', () => {
  fc.assert(
    fc.property(someContents, fc.nat(), fc.nat(), (content, one, other) => {
      const { length } = content.blocks
      const [from, to] = [one % length, other % length]
      const block = content.blocks[from] as PromptBlock
      const moved = moveBlock(content, block.id, to)
      expect(moved.blocks[to]).toBe(block)
      const rest = content.blocks.filter((each) => each !== block)
      expect(moved.blocks.filter((each) => each !== block).every((each, index) => each === rest[index])).toBe(true)
      expect(moved.blocks).toHaveLength(length)
      expect(moveBlock(moved, block.id, from)).toEqual(content)
      expect(moveBlock(content, block.id, from)).toBe(content)
    }),
  )
})

test('editing leaves every other block the same object, and its own id', () => {
  const edits = fc.record(
    {
      name: fc.option(fc.constantFrom('C', 'D')),
      role: fc.constantFrom(...blockRoles),
      format: fc.constantFrom(...blockFormats),
      content: fc.constantFrom('{}', '[1]'),
      when: fc.option(fc.constantFrom('c', 'd')),
      enabled: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(someContents, fc.nat(), edits, (content, one, edit) => {
      const place = one % content.blocks.length
      const old = content.blocks[place] as PromptBlock
      const edited = editBlock(content, old.id, edit)
      expect(edited).toEqual({ ...content, blocks: content.blocks.with(place, { ...old, ...edit }) })
      for (const [index, each] of edited.blocks.entries()) if (index !== place) expect(each).toBe(content.blocks[index])
    }),
  )
})

test('adding puts one block in, with an id of its own, and removing it gives what was', () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.option(fc.constantFrom('A', 'user', '??')), (content, one, name) => {
      const place = one % (content.blocks.length + 1)
      const added = addBlock(content, { name, role: 'USER', content: '{{ x }}' }, place)
      const { id } = added.blocks[place] as PromptBlock
      expect(new Set(added.blocks.map((each) => each.id)).size).toBe(content.blocks.length + 1)
      const removed = removeBlock(added, id)
      expect(removed).toEqual(content)
      expect(removed.blocks.every((each, index) => each === content.blocks[index])).toBe(true)
    }),
  )
})

function contentOf(blocks: PromptBlock[]): PromptContent {
  return { blocks, variables: [], model: null, tools: null, toolChoice: null, responseSchema: null }
}

function block(id: string, others: Partial<PromptBlock> = {}): PromptBlock {
  return { id, name: null, role: 'USER', format: 'TEXT', content: id, when: null, enabled: true, ...others }
}

function nested(depth: number): unknown {
  let value: unknown = 0
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

function thrownBy(edit: () => unknown): DomainError {
  try {
    edit()
  } catch (error) {
    return error as DomainError
  }
  throw new Error('nothing was thrown')
}
