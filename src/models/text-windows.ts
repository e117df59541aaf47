/**
 * A model takes in so many pieces of a text at once, and most drop the rest without a word. So a text is cut into
 * windows, all about as large as each other: the mean of their vectors then weighs each part of the text alike, and no
 * window holds but a rest of three words.
 */
export interface WindowSize {
  maxPieces: number
  /** What a run without a space counts; never less than the model itself will make of it. */
  countPieces(run: string): number
  /** A run that is longer (base64, Chinese) is cut in the middle; of so many characters at most it must fit a window. */
  maxRunLength: number
}

/** Nothing where there is nothing but spaces. */
export function cutInWindows(text: string, size: WindowSize): string[] {
  const runs = [...runsOf(text, size)]
  const pieces = runs.reduce((sum, run) => sum + run.pieces, 0)
  let count = Math.ceil(pieces / size.maxPieces)
  while (true) {
    const windows = dealOut(runs, pieces / count)
    const isFitting = windows.every((window) => window.pieces <= size.maxPieces)
    // Of twice as many windows as there are pieces each holds one run.
    if (isFitting || count > pieces * 2) return windows.map(({ start, end }) => text.slice(start, end))
    count = Math.ceil(count * 1.1)
  }
}

/** So many at most: the first, the last, and those in between at equal distances. */
export function chooseEvenly<Item>(items: readonly Item[], max: number): readonly Item[] {
  if (items.length <= max) return items
  const step = max > 1 ? (items.length - 1) / (max - 1) : 0
  return Array.from({ length: max }, (_, index) => items[Math.round(index * step)] as Item)
}

/**
 * So many windows at most of all parts together: what is too much is taken from the parts that have most, and each
 * part keeps one.
 */
export function limitWindows(parts: readonly string[][], max: number): (readonly string[])[] {
  let share = Math.max(1, ...parts.map((windows) => windows.length))
  const total = () => parts.reduce((sum, windows) => sum + Math.min(windows.length, share), 0)
  while (share > 1 && total() > max) share--
  return parts.map((windows) => chooseEvenly(windows, share))
}

/**
 * A text that is longer than all of them together as so many stretches at equal distances, its beginning and its end
 * among them: to count the pieces of 500,000 characters takes a second. They begin and end between words.
 */
export function sampleStretches(text: string, count: number, length: number): string[] {
  if (text.length <= count * length) return [text]
  const step = (text.length - length) / (count - 1)
  return Array.from({ length: count }, (_, index) => {
    const start = Math.round(index * step)
    const stretch = text.slice(start, start + length)
    const from = start === 0 ? 0 : stretch.search(/\s/) + 1
    const to = start + length >= text.length ? length : stretch.search(/\s\S*$/)
    return stretch.slice(from, to > from ? to : length).toWellFormed()
  })
}

interface Run {
  start: number
  end: number
  pieces: number
}

function* runsOf(text: string, { countPieces, maxRunLength }: WindowSize): Generator<Run> {
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    let from = 0
    while (from < word.length) {
      let to = Math.min(from + maxRunLength, word.length)
      if (isHighSurrogate(word.charCodeAt(to - 1)) && to < word.length && to - 1 > from) to--
      yield { start: index + from, end: index + to, pieces: countPieces(word.slice(from, to)) }
      from = to
    }
  }
}

/** Each run goes where its middle lies, if the whole is divided into stretches of so many pieces. */
function dealOut(runs: readonly Run[], target: number): Run[] {
  const windows: Run[] = []
  let before = 0
  let current = -1
  for (const { start, end, pieces } of runs) {
    const index = Math.floor((before + pieces / 2) / target)
    const window = windows.at(-1)
    if (window && index === current) {
      window.end = end
      window.pieces += pieces
    } else {
      windows.push({ start, end, pieces })
    }
    current = index
    before += pieces
  }
  return windows
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
