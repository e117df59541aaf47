/**
 * Remembers what a pure function answered, for the texts it was asked of last: at least `limit` of them, at most twice
 * as many. Two generations instead of a list in the order of use: what was asked since the last turn lives through
 * the next, and a hit is one look-up.
 */
export function rememberLatest<Answer>(limit: number, answer: (text: string) => Answer): (text: string) => Answer {
  let young = new Map<string, Answer>()
  let old = new Map<string, Answer>()
  return (text) => {
    const known = young.get(text)
    if (known !== undefined || young.has(text)) return known as Answer
    const answered = old.has(text) ? (old.get(text) as Answer) : answer(text)
    if (young.size >= limit) {
      old = young
      young = new Map()
    }
    young.set(text, answered)
    return answered
  }
}
