/**
 * The words of a record, as a search finds them. Of each half so many characters are looked at: whatever is written, its
 * words must fit into a megabyte, or PostgreSQL refuses the whole record.
 */
const maxCharacters = 40_000
/** Names that are looked at for their pieces; written in prose, few are longer. */
const maxPieces = 10_000

/** Of a row with the columns of `reasoning_traces`. */
export function wordsOf(row: string): string {
  const all = ['observations', 'files_read', 'key_facts', 'tags'].map(
    (column) => `array_to_string(${row}.${column}, e'\\n')`,
  )
  const rest = [...all, ...['hypothesis', 'output_ref', 'agent'].map((column) => `${row}.${column}`)]
  const text = (max: number, ...texts: string[]) => `left(concat_ws(e'\\n', ${texts.join(', ')}), ${max})`
  const first = [`${row}.summary`, `${row}.conclusion`]
  return `
    setweight(to_tsvector('english', ${text(maxCharacters, ...first)}), 'A') ||
    setweight(to_tsvector('english', ${text(maxCharacters, ...rest, `${row}.alternatives::text`)}), 'B') ||
    strip(to_tsvector('english', ${inPieces(text(maxPieces, ...first, ...rest))}))`
}

/** The words of a query, with their pieces. */
export function queryWordsOf(query: string): string {
  return `to_tsvector('english', ${query}) || to_tsvector('english', ${inPieces(query)})`
}

/**
 * PostgreSQL takes `src/list.ts` for one word, and `INC-20417` for one and a negative number: whoever remembers but
 * `list.ts` or `20417` finds it by what stands between the signs.
 */
function inPieces(text: string): string {
  return `translate(${text}, '${signs}', repeat(' ', ${signs.length}))`
}

const signs = './_:-#@=+~%&|'
