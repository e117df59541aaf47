import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countWords, foldText, maxPieceWords, wordsOf, wordsOfJson, wordsToFind } from './search-words.ts'

test.each([
  ['English', "It's ECONNREFUSED, at 127.0.0.1:5432!", ['it', 's', 'econnrefused', 'at', '127', '0', '1', '5432']],
  ['a name of code', 'user_id fooBar', ['user_id', 'foobar']],
  ['German', 'Größe STRASSE Straße Übung', ['grösse', 'strasse', 'übung']],
  ['Greek', 'ΟΔΟΣ οδός', ['οδοσ', 'οδόσ']],
  ['Turkish', 'İstanbul ısı ISI', ['istanbul', 'isi']],
  ['Cyrillic', 'Привет, Ёлка!', ['привет', 'ёлка']],
  ['Arabic', 'مرحبا بالعالم', ['مرحبا', 'بالعالم']],
  ['Hebrew', 'שָׁלוֹם, עולם', ['שָׁלוֹם', 'עולם']],
  ['Hindi', 'नमस्ते दुनिया।', ['नमस्ते', 'दुनिया']],
  ['Thai', 'ไทย', ['ไ', 'ท', 'ไท', 'ย', 'ทย']],
  ['Chinese', '北京，上海', ['北', '京', '北京', '上', '海', '上海']],
  ['Japanese', 'カタカナとー', ['カ', 'タ', 'カタ', 'タカ', 'ナ', 'カナ', 'と', 'ナと', 'ー', 'とー']],
  ['narrow katakana', 'ｶﾞ', ['ガ']],
  ['Korean', '서울에서', ['서', '울', '서울', '에', '울에', '에서']],
  ['several scripts in one run', 'iPhoneを2台', ['iphone', 'を', '2', '台']],
  ['wide Latin', 'ＧＰＴ', ['gpt']],
  ['emoji', 'party 🎉👩‍💻 time', ['party', 'time']],
  [
    'what nobody sees',
    'Donau\u00addampf zero\u200bwidth 葛\u{e0100}城',
    ['donaudampf', 'zerowidth', '葛', '城', '葛城'],
  ],
  ['parts and wholes', 'e\u0301te\u0301 \u00e9t\u00e9', ['été']],
  ['nothing', ' … !!', []],
])('the words of %s', (_, text, words) => {
  expect(wordsOf(text)).toEqual(words)
})

test('a long word counts by its first 60 characters, and never by half a one', () => {
  expect(wordsOf('x'.repeat(100))).toEqual(['x'.repeat(60)])
  expect(wordsOf(`${'x'.repeat(59)}𝒳𞤀`.replaceAll('𝒳', '𐐀'))).toEqual(['x'.repeat(59)])
  expect(wordsToFind('x'.repeat(61))).toEqual(wordsOf('x'.repeat(99)))
})

test.each([
  ['marks', '\u0301\u0316'],
  ['marks between which something invisible stands', '\u0301\u200d\u0316\u200d'],
  ['marks that are letters until they are folded', '\u0301\uff9e'],
])('of the %s on a letter thirty count, however many there are', (_, marks) => {
  const thirty = foldText(`a${marks.repeat(15)} b`)
  expect(foldText(`a${marks.repeat(200_000)} b`)).toBe(thirty)
  expect([...thirty].length).toBeLessThan(40)
})

describe('what is looked for', () => {
  test.each([
    ['Hello, World', ['hello', 'world'], 2],
    ['東京', ['東京'], 1],
    ['東京都 iPhone', ['東京', '京都', 'iphone'], 2],
    ['東', ['東'], 1],
    ['서울에', ['서울', '울에'], 1],
    ['iphoneを買う', ['iphone', 'を買', '買う'], 1],
    ['!!', [], 0],
  ])('%s', (text, words, count) => {
    expect(wordsToFind(text)).toEqual(words)
    expect(countWords(text)).toBe(count)
  })

  const spaced = fc.constantFrom('error', 'Größe', 'ПРИВЕТ', 'שָׁלוֹם', 'नमस्ते', 'user_id', '42', 'x'.repeat(70), 'İ')
  const unspaced = fc.stringMatching(/^[東京都日本語のカタナーไทยกำลังใจ서울에서ລາວမြန်ខ្មែរ]{1,12}$/)
  const gap = fc.constantFrom(' ', ', ', '\n', '。', '🎉', '-')

  test('every word of a text is found in it, whatever stands around it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(spaced, unspaced)),
        spaced,
        fc.array(spaced),
        gap,
        (before, word, after, between) => {
          const found = new Set(wordsOf([...before, word, ...after].join(between)))
          expect(wordsToFind(word.toLowerCase()).filter((each) => !found.has(each))).toEqual([])
          expect(wordsToFind(word.toUpperCase()).filter((each) => !found.has(each))).toEqual([])
        },
      ),
    )
  })

  test('every part of a run is found in it where there are no spaces', () => {
    fc.assert(
      fc.property(unspaced, fc.nat(), fc.nat(), (run, from, length) => {
        const characters = [...foldText(run)]
        const start = from % characters.length
        const part = characters.slice(start, start + 1 + (length % (characters.length - start))).join('')
        const found = new Set(wordsOf(`x${run} and more`))
        expect(wordsToFind(part).filter((each) => !found.has(each))).toEqual([])
        expect(wordsToFind(part).length).toBeGreaterThan(0)
      }),
    )
  })

  test('folded once or twice, a text is the same', () => {
    const characters = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(characters, (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text))
      }),
    )
  })
})

describe('a piece', () => {
  test('has the strings and numbers of its values, not their keys', () => {
    const values = [{ question: 'Why 42?' }, null, ['because', 3.5, true, { of: null }]]
    expect([...wordsOfJson(values.map((value) => value && JSON.stringify(value)))]).toEqual([
      'why',
      '42',
      'because',
      '3',
      '5',
    ])
  })

  test('is bounded, and gives each value its share', () => {
    const many = (prefix: string, count: number) =>
      JSON.stringify(Array.from({ length: count }, (_, n) => `${prefix}${n.toString(36)}`))
    expect(wordsOfJson([many('a', 12_000)]).size).toBe(maxPieceWords)
    const both = [...wordsOfJson([many('a', 12_000), null, many('b', 12_000)])]
    expect(both.filter((word) => word.startsWith('a'))).toHaveLength(maxPieceWords / 2)
    expect(both.filter((word) => word.startsWith('b'))).toHaveLength(maxPieceWords / 2)
    const uneven = [...wordsOfJson([many('a', 10), many('b', 12_000)])]
    expect(uneven.filter((word) => word.startsWith('b'))).toHaveLength(maxPieceWords - 10)
    expect(wordsOfJson([JSON.stringify(`${'東京'.repeat(40_000)}都`)]).has('都')).toBe(true)
    expect(wordsOfJson([JSON.stringify(`${'x '.repeat(50_000)}late`)]).has('late')).toBe(false)
    expect(
      wordsOfJson([JSON.stringify(Array.from({ length: 20_000 }, (_, n) => String.fromCodePoint(0x4e00 + n)).join(''))])
        .size,
    ).toBe(maxPieceWords)
  })
})
