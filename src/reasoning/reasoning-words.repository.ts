/**
 * The words of a record, as a search finds them: all that it says, however late it says it. PostgreSQL refuses a record
 * whose words take more than a megabyte. Of the 100,000 characters that a record may have, the words themselves take 0.7
 * in the worst case that we could make; what comes on top is left out where it would be too much, as no language does.
 */
const maxCharacters = 100_000
const maxBytes = 1_000_000
/** So much of a piece is part of a pair: a word of PostgreSQL has up to 2 KB. */
const maxPiece = 60
/** No other word has a blank in it. */
const between = ' '

/** Of a row with the columns of `reasoning_traces`. */
export function wordsOf(row: string): string {
  const short = ['agent', 'output_ref', 'hypothesis'].map((column) => `${row}.${column}`)
  const lists = ['tags', 'files_read', 'key_facts', 'observations'].map(
    (column) => `array_to_string(${row}.${column}, e'\\n')`,
  )
  const textOf = (texts: string[]) => spaced(`left(concat_ws(e'\\n', ${texts.join(', ')}), ${maxCharacters})`)
  const first = textOf([`${row}.summary`, `${row}.conclusion`])
  const rest = textOf([...short, ...lists, `${row}.alternatives::text`])
  return `(
    select ${withinLimit('words', 'pieces', 'pairs')}
    from (select ${first} as first, ${rest} as rest offset 0) t
    cross join lateral (
      select setweight(to_tsvector('english', first), 'A') || setweight(to_tsvector('english', rest), 'B') as words,
        strip(to_tsvector('english', ${inPieces('first')})) || strip(to_tsvector('english', ${inPieces('rest')})) as pieces,
        ${pairsOf("concat_ws(e'\\n', first, rest)")} as pairs offset 0) w)`
}

/** The words of a query, with their pieces and the pairs of those. */
export function queryWordsOf(query: string): string {
  const text = spaced(query)
  return `to_tsvector('english', ${text}) || to_tsvector('english', ${inPieces(text)}) || ${pairsOf(text)}`
}

/** Whatever is too much, the words themselves stay. */
function withinLimit(words: string, pieces: string, pairs: string): string {
  const fits = (...parts: string[]) => `${parts.map((part) => `pg_column_size(${part})`).join(' + ')} < ${maxBytes}`
  return `case when ${fits(words, pieces, pairs)} then ${words} || ${pieces} || ${pairs}
      when ${fits(words, pieces)} then ${words} || ${pieces} else ${words} end`
}

/** Where scripts put no blanks between words, or put them around more than people look for, each character is a word. */
function spaced(text: string): string {
  return `regexp_replace(${text}, '([${unspaced}])', '${sign}\\1${sign}', 'g')`
}

/**
 * PostgreSQL takes `src/list.ts` for one word, and `INC-20417` for one and a negative number: whoever remembers but
 * `list.ts` or `20417` finds it by what stands between the signs.
 */
function inPieces(text: string): string {
  return `translate(${text}, '${signs}', repeat(' ', ${signs.length}))`
}

/**
 * Of what stands between signs, each piece with the next one: `max_connections` is more than a record of the most
 * connections, wherever it stands and whatever stands around it. So are two characters of a word in Chinese.
 */
function pairsOf(text: string): string {
  const pieces = `string_to_array(translate(lower(${text}), '${signs}', repeat('${sign}', ${signs.length})), '${sign}')`
  return `(
    select coalesce(array_to_tsvector(array_agg(one || '${between}' || other)), '') from (
      select substring(right(piece, ${maxPiece}) from '[^${apart}]+$') as one,
        substring(left(lead(piece) over (order by place), ${maxPiece}) from '^[^${apart}]+') as other
      from unnest(${pieces}) with ordinality as p(piece, place) where piece <> '') as n
    where one is not null and other is not null)`
}

const sign = '_'
const signs = './_:-#@=+~%&|'
/** Blanks, and signs that stand between sentences. */
const apart = String.raw`\s!"$''()*,;<>?[\]^\u0060{}\\\u2000-\u206f\u3000-\u3004\u3008-\u3020\u30fb\uff00-\uff0f\uff1a-\uff20`
/** Han, Hiragana and Katakana, Hangul, whose particles stick to the words, Thai and Lao, Khmer, Myanmar. */
const unspaced = [
  String.raw`\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff`,
  String.raw`\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f`,
  String.raw`\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7a3`,
  String.raw`\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ecf\u0edc-\u0edf`,
  String.raw`\u1780-\u17d3\u17dc\u17dd\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f`,
].join('')
