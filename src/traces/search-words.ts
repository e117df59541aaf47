import { textsOfJson } from './json-texts.ts'

/**
 * What a text is found by: its words, in any script. Index, query and predicate all take theirs from here, so that
 * they agree whatever the database takes for a letter. Characters are of one kind (NFKC), upper and lower case are one;
 * a word is a run of letters, marks, numbers and "_". Scripts that put no spaces between words have no such words:
 * there a run counts as its characters and its pairs of neighbours, so that any part of it is found. Korean is one of
 * them, because its particles stick to the words that people look for.
 */

/** So much of a word counts. */
const maxWordLength = 60
/** So much of the JSON text of each value is read. */
export const maxJsonLength = 100_000
/** So many different words a piece, and no value of it takes another's share. English has 3,000 in 100 KB. */
export const maxPieceWords = 10_000

/** Of a text, each once. */
export function wordsOf(text: string): string[] {
  const words = new Set<string>()
  collectWords(text, words, Number.POSITIVE_INFINITY)
  return [...words]
}

/**
 * One piece: the words of all strings and numbers, keys aside, in some values that are given as JSON texts.
 * 45 MB of plain English a second, 20 MB of text with dashes and quotes, 17 MB of Chinese (one core of 2026).
 */
export function wordsOfJson(values: readonly (string | null)[]): Set<string> {
  const words = new Set<string>()
  const texts = values.filter((value) => value !== null)
  for (const [index, text] of texts.entries()) {
    const share = Math.floor((maxPieceWords - words.size) / (texts.length - index))
    collectWords(textsOfJson(text.slice(0, maxJsonLength)).join('\n'), words, words.size + share)
  }
  return words
}

/** What a piece must hold for the text to be in it. Where there are pairs, they say it all. */
export function wordsToFind(text: string): string[] {
  const words = new Set<string>()
  for (const run of runsOf(text)) {
    for (const part of partsOf(run)) {
      const characters = isUnspaced(part) ? [...part] : [cut(part)]
      for (const gram of characters.length > 1 ? pairsOf(characters) : characters) words.add(gram)
    }
  }
  return [...words]
}

/** As people count words. */
export function countWords(text: string): number {
  return runsOf(text).length
}

/** One case, and one spelling where Unicode has several. */
export function foldText(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  const known = text.replace(stackedMarks, '$1').normalize('NFKC').replace(invisible, '')
  // Down, up and down again: "ẞ", "ß" and "SS" become "ss". What depends on its place in a word becomes one.
  return known
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replace(/ς/g, 'σ')
    .replace(/i\u0307+/g, 'i')
    .normalize('NFC')
}

/** Soft hyphens, joiners, marks of direction or of a character's looks: nobody types them into a search. */
const invisible = /\p{DI}/gu
/**
 * The marks of a letter are put in order, which takes as long as the square of their number: 98,000 took six seconds.
 * Thirty are what Unicode's stream-safe format leaves a letter (UAX 15). Two letters become marks, and what is
 * invisible between marks will be gone.
 */
const stackedMarks = /([\p{M}\p{DI}\uff9e\uff9f]{30})[\p{M}\p{DI}\uff9e\uff9f]+/gu

const runs = /[\p{L}\p{M}\p{N}_]+/gu
const unspaced =
  '\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Thai}\\p{scx=Laoo}\\p{scx=Khmr}\\p{scx=Mymr}'
const parts = new RegExp(`[${unspaced}]+|[^${unspaced}]+`, 'gu')
const firstUnspaced = new RegExp(`^[${unspaced}]`, 'u')

function collectWords(text: string, words: Set<string>, maxSize: number): void {
  for (const run of runsOf(text)) {
    for (const part of partsOf(run)) {
      if (words.size >= maxSize) return
      if (!isUnspaced(part)) words.add(cut(part))
      else addGrams([...part], words, maxSize)
    }
  }
}

function addGrams(characters: readonly string[], words: Set<string>, maxSize: number): void {
  for (const [index, character] of characters.entries()) {
    if (words.size >= maxSize) return
    words.add(character)
    if (index > 0 && words.size < maxSize) words.add(`${characters[index - 1]}${character}`)
  }
}

function pairsOf(characters: readonly string[]): string[] {
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`)
}

function runsOf(text: string): string[] {
  return foldText(text).match(runs) ?? []
}

/** A run by the kind of its scripts: "iphoneを買う" is "iphone" and "を買う". */
function partsOf(run: string): string[] {
  return isAscii(run) ? [run] : (run.match(parts) ?? [])
}

function isUnspaced(part: string): boolean {
  return firstUnspaced.test(part)
}

/** Whole characters only: half of one would be another in the database. */
function cut(word: string): string {
  return word.length > maxWordLength ? word.slice(0, maxWordLength).replace(/[\ud800-\udbff]$/, '') : word
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII.
  return !/[^\x00-\x7f]/.test(text)
}
