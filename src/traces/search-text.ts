import { foldText, wordsToFind } from './search-words.ts'

/**
 * What a search looks into: names, by any part of them, and pieces of content, by whole words that all stand in the
 * same piece. One piece is what a trace itself says (messages, variables, output), and one each of its spans.
 */
export interface SearchText {
  names: string
  pieces: readonly ReadonlySet<string>[]
}

export interface SearchQuery {
  /** Without any, nothing is found by its name. */
  name: string
  /** Without any, nothing is found by its content: "!!" is nobody's word. */
  words: readonly string[]
}

/** Stands between names, and before the grams of names where they stand beside words; in neither it occurs. */
const separator = '\n'
const maxNameLength = 1_000
const gramLength = 3

export function searchQueryOf(search: string): SearchQuery {
  return { name: foldName(search), words: wordsToFind(search) }
}

export function matchesSearch({ name, words }: SearchQuery, text: SearchText): boolean {
  if (name !== '' && text.names.includes(name)) return true
  return words.length > 0 && text.pieces.some((piece) => words.every((word) => piece.has(word)))
}

export interface Named {
  promptName: string | null
  model: string | null
  name: string | null
}

export function namesOf({ promptName, model, name }: Named): string {
  return [promptName, model, name].flatMap((each) => (each ? foldName(each) : [])).join(separator)
}

/**
 * What parts of names are found by in an index of words: their characters, pairs and threes. Unlike PostgreSQL's
 * trigrams they find parts of one and two characters, as Chinese words are, and don't depend on the server's locale.
 */
export function gramsOfNames(names: string): string[] {
  const grams = new Set<string>()
  for (const name of names.split(separator)) {
    const characters = [...name]
    for (let length = 1; length <= gramLength; length++) addGrams(characters, length, grams)
  }
  return [...grams]
}

/** The grams of every name that the part stands in. */
export function gramsToFind(part: string): string[] {
  const grams = new Set<string>()
  const characters = [...part]
  addGrams(characters, Math.min(gramLength, characters.length), grams)
  return [...grams]
}

function addGrams(characters: readonly string[], length: number, grams: Set<string>): void {
  for (let start = 0; start + length <= characters.length; start++) {
    grams.add(separator + characters.slice(start, start + length).join(''))
  }
}

function foldName(name: string): string {
  return foldText(name)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, maxNameLength)
}
