import { applyPatch } from 'diff'
import { expect, test } from 'vitest'
import type { PromptBlock, PromptContent } from './prompt-content.ts'
import { diffContents } from './prompt-diff.ts'
import { promptText } from './prompt-text.ts'
import { diffTexts } from './text-diff.ts'

// Every one has to end; that it does so in time is vitest's to say.

const numbered = (count: number, make: (index: number) => string) => Array.from({ length: count }, (_, at) => make(at))
/** The same at every run, and like nothing in particular. */
const noise = (index: number, seed: number) => Math.imul(index + 1, seed) >>> 7

const proseOf = (length: number, seed: number, dictionary: number) =>
  numbered(length, (index) => `w${noise(index, seed) % dictionary}${index % 12 === 11 ? '\n' : ' '}`).join('')

const cases: Record<string, [before: string, after: string]> = {
  '100 KB with no word in common': [
    proseOf(16_000, 2_654_435_761, 5_000),
    proseOf(16_000, 40_503, 5_000).replaceAll('w', 'v'),
  ],
  '100 KB rewritten in the same words': [proseOf(16_000, 2_654_435_761, 300), proseOf(16_000, 40_503, 300)],
  '1 MB rewritten in the same words': [proseOf(200_000, 2_654_435_761, 300), proseOf(200_000, 40_503, 300)],
  '20,000 lines, each changed': [
    numbered(20_000, (index) => `line ${index} says a\n`).join(''),
    numbered(20_000, (index) => `line ${index} says b\n`).join(''),
  ],
  '20,000 lines in reverse': [
    numbered(20_000, (index) => `line ${index}\n`).join(''),
    numbered(20_000, (index) => `line ${20_000 - index}\n`).join(''),
  ],
  'every other of 20,000 lines changed': [
    numbered(20_000, (index) => `line ${index}\n`).join(''),
    numbered(20_000, (index) => `line ${index % 2 ? index : -index}\n`).join(''),
  ],
  'one line of 1 MB without spaces': ['a'.repeat(1_000_000), `${'a'.repeat(500_000)}b${'a'.repeat(500_000)}`],
  'one line of 1 MB of other letters': ['я'.repeat(1_000_000), `${'я'.repeat(500_000)}ж${'я'.repeat(500_000)}`],
  'one line of 1 MB of words': [
    proseOf(200_000, 2_654_435_761, 300).replaceAll('\n', ' '),
    proseOf(200_000, 40_503, 300).replaceAll('\n', ' '),
  ],
  '100 KB of the same few ideographs': [
    numbered(33_000, (index) => '人之初性本善'.charAt(noise(index, 2_654_435_761) % 6)).join(''),
    numbered(33_000, (index) => '人之初性本善'.charAt(noise(index, 40_503) % 6)).join(''),
  ],
  '1 MB of ideographs with one changed': [
    '人之初'.repeat(110_000),
    `${'人之初'.repeat(55_000)}性${'人之初'.repeat(55_000)}`,
  ],
  'emoji only': ['😀😁'.repeat(100_000), '😁😀'.repeat(100_000)],
  'blank lines only': ['\n'.repeat(1_000_000), `a${'\n'.repeat(900_000)}b`],
  'one line repeated, with others around': [
    `x\n${'same\n'.repeat(90_000)}y\n`,
    `z\n${'same\n'.repeat(80_000)}u\n${'same\n'.repeat(9_000)}`,
  ],
  'one word repeated, with others around': [
    `x ${'same '.repeat(18_000)}y`,
    `z ${'same '.repeat(9_000)}u ${'same '.repeat(8_000)}`,
  ],
}

test.each(Object.entries(cases))('%s', (_, [before, after]) => {
  const parts = diffTexts(before, after)
  const without = (left: string) => parts.filter(({ kind }) => kind !== left).map(({ text }) => text)
  // Not `toBe`: it would print megabytes, and take minutes to find where they differ.
  expect(without('INSERTED').join('') === before).toBe(true)
  expect(without('DELETED').join('') === after).toBe(true)
})

test('of lines that were each changed, what stayed in them is still told', () => {
  const [before, after] = cases['20,000 lines, each changed'] as [string, string]
  expect(diffTexts(before.slice(0, 50_000), after.slice(0, 50_000)).length).toBeGreaterThan(1_000)
})

const contentOf = (texts: readonly string[], rest: Partial<PromptContent> = {}): PromptContent => ({
  blocks: texts.map((content, index): PromptBlock => {
    return { id: `b${index}`, name: null, role: 'USER', format: 'TEXT', content, when: null, enabled: true }
  }),
  variables: [],
  model: null,
  tools: null,
  toolChoice: null,
  responseSchema: null,
  ...rest,
})

test.each([
  ['500 blocks that were rewritten', 500, 330],
  ['50 blocks that were rewritten', 50, 3_300],
  ['one block that was rewritten', 1, 160_000],
])('%s: 1 MB in all', (_, count, length) => {
  const before = contentOf(numbered(count, (index) => proseOf(length, 2_654_435_761 + index, 300)))
  const after = contentOf(numbered(count, (index) => proseOf(length, 40_503 + index, 300)).reverse())
  const { blocks, unified } = diffContents(before, after, { before: 'a', after: 'b' })
  expect(blocks).toHaveLength(count)
  expect(applyPatch(promptText(before), unified) === promptText(after)).toBe(true)
})

test('1 MB of tools, and 500 levels of them', () => {
  const deep = (leaf: unknown) => Array.from({ length: 500 }).reduce<unknown>((inner) => ({ a: [inner] }), leaf)
  const wide = (seed: number) => Array.from({ length: 50_000 }, (_, index) => noise(index, seed))
  const before = contentOf([], { tools: deep(wide(2_654_435_761)), responseSchema: wide(40_503) })
  const after = contentOf([], { tools: deep(wide(40_503)), responseSchema: wide(2_654_435_761) })
  const { tools, unified } = diffContents(before, after, { before: 'a', after: 'b' })
  expect(tools).toMatchObject([
    { path: 'tools', change: 'CHANGED' },
    { path: 'responseSchema', change: 'CHANGED' },
  ])
  expect(applyPatch(promptText(before), unified) === promptText(after)).toBe(true)
})
