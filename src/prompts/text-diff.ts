import { diffArrays } from 'diff'

/**
 * What became of a text: first line by line, then word by word within each run of lines that changed. Where looking
 * for less would take too long the run stands as all deleted, all inserted, but for the whole words or lines that both
 * sides begin and end with. EQUAL and DELETED together always are `before`, EQUAL and INSERTED are `after`.
 *
 * How long is counted in steps, so that the same texts give the same parts on every machine; the clock only stops what
 * the count should have stopped and didn't. A step (a comparison, or a token that is read) takes some 0.17 µs.
 */
export interface TextPart {
  kind: 'EQUAL' | 'INSERTED' | 'DELETED'
  text: string
}

/** What may still be spent; shared by the texts that have to be ready together. */
export interface DiffBudget {
  steps: number
  /** By the clock of `performance`. */
  readonly until: number
}

/** 600,000 steps take 100 ms where they were measured: a machine half as fast still ends by the count. */
export function createDiffBudget({ steps = 600_000, ms = 250 } = {}): DiffBudget {
  return { steps, until: performance.now() + ms }
}

export function diffTexts(before: string, after: string, budget = createDiffBudget()): TextPart[] {
  const parts = diffLines(before, after, budget)
  const refined = parts.flatMap((part, index) => {
    const [last, next] = [parts[index - 1], parts[index + 1]]
    if (part.kind === 'DELETED' && next?.kind === 'INSERTED') return diffBy(words, part.text, next.text, budget)
    return part.kind === 'INSERTED' && last?.kind === 'DELETED' ? [] : [part]
  })
  return joined(refined)
}

/** The same in whole lines: only a line feed ends one. */
export function diffLines(before: string, after: string, budget = createDiffBudget()): TextPart[] {
  return diffBy(lines, before, after, budget)
}

interface Unit {
  split: (text: string) => string[]
  /** Whether no token goes across this place. */
  isCut: (text: string, at: number) => boolean
  /** The longest token that is looked across for its beginning or its end. */
  maxToken: number
  /** Of both texts together, in UTF-16 units. */
  maxLength: number
  /** Takes n²/2 steps at least: 1,000 are 95 ms, 500 are 30. */
  maxEdits: number
}

const lines: Unit = {
  split: (text) => text.match(/[^\n]*\n|[^\n]+/g) ?? [],
  isCut: (text, at) => at === 0 || text[at - 1] === '\n',
  maxToken: Number.POSITIVE_INFINITY,
  maxLength: 4_000_000,
  maxEdits: 1_000,
}

const words: Unit = { split: splitWords, isCut: isWordCut, maxToken: 256, maxLength: 200_000, maxEdits: 500 }

// Scripts that put no space between words are told apart by character, as is whatever is no letter and no digit.
const unspaced = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`
const word = new RegExp(String.raw`\r?\n|[^\S\r\n]+|(?:(?!${unspaced})[\p{L}\p{N}\p{M}_])+|[^]\p{M}*`, 'gu')

function splitWords(text: string): string[] {
  return text.match(word) ?? []
}

/** Never within a surrogate pair, which would be one token. */
function isWordCut(text: string, at: number): boolean {
  if (at === 0 || at === text.length) return true
  const from = at - (/[\udc00-\udfff]/.test(text[at - 1] as string) ? 2 : 1)
  const to = at + (/[\ud800-\udbff]/.test(text[at] as string) ? 2 : 1)
  return splitWords(text.slice(Math.max(0, from), to)).length > 1
}

function diffBy(unit: Unit, before: string, after: string, budget: DiffBudget): TextPart[] {
  if (before === after) return joined([{ kind: 'EQUAL', text: before }])
  const [head, tail] = commonEnds(unit, before, after)
  const from = before.slice(head, before.length - tail)
  const to = after.slice(head, after.length - tail)
  const changed = diffTokens(unit, from, to, budget) ?? [
    { kind: 'DELETED', text: from },
    { kind: 'INSERTED', text: to },
  ]
  return joined([
    { kind: 'EQUAL', text: before.slice(0, head) },
    ...changed,
    { kind: 'EQUAL', text: before.slice(before.length - tail) },
  ])
}

/** How much both begin with and how much they end with, in whole tokens. */
function commonEnds({ isCut, maxToken }: Unit, before: string, after: string): [head: number, tail: number] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before.charCodeAt(head) === after.charCodeAt(head)) head++
  const isHeadCut = (at: number) => isCut(before, at) && isCut(after, at)
  head = backTo(isHeadCut, head, maxToken)

  const most = shorter - head
  const fromEnd = (text: string, count: number) => text.charCodeAt(text.length - count)
  let tail = 0
  while (tail < most && fromEnd(before, tail + 1) === fromEnd(after, tail + 1)) tail++
  const isTailCut = (count: number) => isCut(before, before.length - count) && isCut(after, after.length - count)
  return [head, backTo(isTailCut, tail, maxToken)]
}

function backTo(isCut: (at: number) => boolean, at: number, maxToken: number): number {
  for (let place = at; place > 0 && at - place <= maxToken; place--) if (isCut(place)) return place
  return 0
}

/** Null: would take too long. */
function diffTokens(unit: Unit, before: string, after: string, budget: DiffBudget): TextPart[] | null {
  if (before === '' || after === '' || before.length + after.length > unit.maxLength || isSpent(budget)) return null
  const olds = unit.split(before)
  const news = unit.split(after)
  budget.steps -= olds.length + news.length
  const stays = isSpent(budget) ? null : findCommon(olds, news, unit.maxEdits, budget)
  if (!stays) return null

  const parts: TextPart[] = []
  let [old, fresh] = [0, 0]
  while (old < olds.length || fresh < news.length) {
    const [fromOld, fromFresh] = [old, fresh]
    while (old < olds.length && !stays.old[old]) old++
    while (fresh < news.length && !stays.fresh[fresh]) fresh++
    parts.push({ kind: 'DELETED', text: olds.slice(fromOld, old).join('') })
    parts.push({ kind: 'INSERTED', text: news.slice(fromFresh, fresh).join('') })
    const fromEqual = old
    for (; stays.old[old] && stays.fresh[fresh]; fresh++) old++
    parts.push({ kind: 'EQUAL', text: olds.slice(fromEqual, old).join('') })
  }
  return parts
}

/**
 * Marks the tokens of a longest common subsequence. Those that only one side has can't be of it and are left out
 * before: 20,000 lines of which each was rewritten then take no steps at all.
 */
function findCommon(olds: string[], news: string[], maxEdits: number, budget: DiffBudget) {
  const [oldOnes, newOnes] = [new Set(olds), new Set(news)]
  const ids = new Map([...oldOnes].filter((token) => newOnes.has(token)).map((token, id) => [token, id]))
  const [oldKept, newKept] = [kept(olds, ids), kept(news, ids)]

  const allowed = Math.min(budget.steps, maxEdits ** 2)
  let left = allowed
  const changes = diffArrays(oldKept.ids, newKept.ids, {
    maxEditLength: maxEdits,
    timeout: Math.max(0, budget.until - performance.now()),
    comparator: (one, other) => left-- > 0 && one === other,
  })
  budget.steps -= allowed - left
  if (!changes || left < 0) return null

  const stays = { old: new Uint8Array(olds.length), fresh: new Uint8Array(news.length) }
  let [old, fresh] = [0, 0]
  for (const { added, removed, count } of changes) {
    for (let nth = 0; nth < count && !added && !removed; nth++) {
      stays.old[oldKept.places[old + nth] as number] = 1
      stays.fresh[newKept.places[fresh + nth] as number] = 1
    }
    if (!added) old += count
    if (!removed) fresh += count
  }
  return stays
}

function kept(tokens: string[], ids: ReadonlyMap<string, number>) {
  const kept = { ids: [] as number[], places: [] as number[] }
  for (const [place, token] of tokens.entries()) {
    const id = ids.get(token)
    if (id === undefined) continue
    kept.ids.push(id)
    kept.places.push(place)
  }
  return kept
}

function isSpent({ steps, until }: DiffBudget): boolean {
  return steps <= 0 || performance.now() >= until
}

function joined(parts: readonly TextPart[]): TextPart[] {
  const whole: TextPart[] = []
  for (const { kind, text } of parts) {
    const last = whole.at(-1)
    if (last?.kind === kind) last.text += text
    else if (text !== '') whole.push({ kind, text })
  }
  return whole
}
