import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gramsOfNames, gramsToFind, matchesSearch, namesOf, searchQueryOf } from './search-text.ts'
import { wordsOf } from './search-words.ts'

function isFound(search: string, names: string[], ...pieces: string[]): boolean {
  const [promptName = null, model = null, name = null] = names
  const text = { names: namesOf({ promptName, model, name }), pieces: pieces.map((piece) => new Set(wordsOf(piece))) }
  return matchesSearch(searchQueryOf(search), text)
}

describe('a search', () => {
  test.each([
    ['riage', true],
    ['TRIAGE', true],
    ['4o-mini', true],
    ['port/triage v', true],
    ['triage  v2', true],
    ['v2 gpt', false],
    ['v2\ngpt', false],
    ['京', true],
    ['é', true],
    ['e', true],
    ['🎉', true],
    ['!!', true],
    ['?!', false],
    ['%', false],
  ])('"%s" finds names by any part: %s', (search, expected) => {
    expect(isFound(search, ['Support/Triage V2', 'gpt-4o-mini', '東京都\n cafe\u0301 🎉!!'])).toBe(expected)
  })

  test.each([
    ['hello', true],
    ['WORLD hello', true],
    ['hello moon', false],
    ['hell', false],
    ['!!', false],
    ['hello!!', true],
    ['京都', true],
    ['東都', false],
    ['\u200b', false],
  ])('"%s" finds contents by words that stand in one of them: %s', (search, expected) => {
    expect(isFound(search, [], 'Hello, world!', 'the moon over 東京都')).toBe(expected)
  })
})

test('a part of a name is found by its grams, and they are all of that name', () => {
  const name = fc.stringMatching(/^[abcÄß東京都🎉 %_\\-]{1,20}$/u).filter((text) => text.trim() !== '')
  fc.assert(
    fc.property(name, name, fc.nat(), fc.nat(), (promptName, model, from, length) => {
      const names = namesOf({ promptName, model, name: null })
      const characters = [...(names.split('\n')[1] ?? '')]
      const start = from % characters.length
      const part = characters.slice(start, start + 1 + (length % (characters.length - start))).join('')
      const { name } = searchQueryOf(part)
      const grams = new Set(gramsOfNames(names))
      if (name === '') return
      expect(matchesSearch({ name, words: [] }, { names, pieces: [] })).toBe(true)
      expect(gramsToFind(name).filter((gram) => !grams.has(gram))).toEqual([])
      expect(gramsToFind(name).length).toBeGreaterThan(0)
    }),
  )
})

test('no gram of a name is a word', () => {
  const names = namesOf({ promptName: 'abc', model: 'x', name: 'x\u001fy' })
  const words = wordsOf(names)
  expect(gramsOfNames(names).filter((gram) => words.includes(gram))).toEqual([])
  expect(names).toBe('abc\nx\nx y')
})
