import {
  type CelInput,
  type CelList,
  CelScalar,
  celEnv,
  celFunc,
  celList,
  celListConcat,
  celMethod,
  listType,
} from '@bufbuild/cel'

/** Up to here a search for a text in a text is left to the engine, whose worst case goes by the product. */
const quickSearch = 100_000
/** Characters, bytes and entries that one decision may concatenate. */
const maxBuilt = 10_000_000
/** What the decision that is going on has concatenated: there is only one at a time. */
let built = 0

export function beginDecision(): void {
  built = 0
}

function build(size: number): void {
  built += size
  if (built > maxBuilt) throw new Error(`more than ${maxBuilt} characters and entries are concatenated`)
}

/**
 * The library's own sum of lists nests: one of 8,000 additions, as `filter` makes, overflows the stack when it is read.
 * Chunks that double keep it flat, and adding an entry cheap.
 */
function concatLists(left: CelList, right: CelList): CelList {
  const chunks = [...chunksOf(left), ...chunksOf(right)]
  for (let last = chunks.length - 1; last > 0; last--) {
    const [before, after] = [chunks[last - 1] as CelInput[], chunks[last] as CelInput[]]
    if (before.length > after.length) break
    build(before.length + after.length)
    chunks.splice(last - 1, 2, before.concat(after))
  }
  const list = celListConcat(...chunks.map((chunk) => celList(chunk)))
  chunksByList.set(list, chunks)
  return list
}

const chunksByList = new WeakMap<CelList, CelInput[][]>()

function chunksOf(list: CelList): CelInput[][] {
  return chunksByList.get(list) ?? [[...list]]
}

/**
 * The engine's search goes by the product of the lengths at worst (6 s for a text of 300,000) and can't be interrupted;
 * Knuth, Morris and Pratt's goes by their sum.
 */
function contains(text: string, part: string): boolean {
  if (text.length * part.length <= quickSearch) return text.includes(part)
  const fallback = new Int32Array(part.length)
  for (let index = 1, matched = 0; index < part.length; index++) {
    while (matched > 0 && part[index] !== part[matched]) matched = fallback[matched - 1] as number
    if (part[index] === part[matched]) matched++
    fallback[index] = matched
  }
  for (let index = 0, matched = 0; index < text.length; index++) {
    while (matched > 0 && text[index] !== part[matched]) matched = fallback[matched - 1] as number
    if (text[index] === part[matched]) matched++
    if (matched === part.length) return true
  }
  return false
}

const { BOOL, BYTES, DOUBLE, INT, STRING } = CelScalar
const LIST = listType(CelScalar.DYN)

/** CEL knows no `count + 1` where `count` is a double, as all numbers of JSON are. */
const arithmetic = {
  '_+_': (left: number, right: number) => left + right,
  '_-_': (left: number, right: number) => left - right,
  '_*_': (left: number, right: number) => left * right,
  '_/_': (left: number, right: number) => left / right,
  '_%_': (left: number, right: number) => left % right,
}

/** CEL as it is, with functions that can't take more than they are given. */
export const env = celEnv({
  funcs: [
    celFunc('_+_', [STRING, STRING], STRING, (left, right) => {
      build(left.length + right.length)
      return left + right
    }),
    celFunc('_+_', [BYTES, BYTES], BYTES, (left, right) => {
      build(left.length + right.length)
      return Buffer.concat([left, right])
    }),
    celFunc('_+_', [LIST, LIST], LIST, concatLists),
    celMethod('contains', STRING, [STRING], BOOL, function (part) {
      return contains(this, part)
    }),
    ...Object.entries(arithmetic).flatMap(([name, apply]) => [
      celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => apply(left, Number(right))),
      celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => apply(Number(left), right)),
      celFunc(name, [DOUBLE, DOUBLE], DOUBLE, apply),
    ]),
  ],
})

const operators = ['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false']
export const functionNames = new Set([...operators, ...[...env.funcs].map(({ name }) => name)])
export const typeNames = new Set([
  'int',
  'uint',
  'double',
  'bool',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
])
