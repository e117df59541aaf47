import { createRandom, type Random } from './random.ts'

const syllables = 'ba ce di fo gu ha ke li mo nu pa re si to vu wa ze chi tra ster lon ment ing ough ion'.split(' ')
const foreign = ['naïve', 'Zürich', '–', '東京', 'façade', '“quoted”', 'line\nbreak']

/** Words of one to four syllables, a few of them beyond ASCII or escaped in JSON. */
const words = makeWords(4_000)

function makeWords(count: number): string[] {
  const random = createRandom(1)
  const made = new Set<string>()
  while (made.size < count - foreign.length) {
    made.add(Array.from({ length: random.whole(1, 4) }, () => random.pick(syllables)).join(''))
  }
  return [...made, ...foreign]
}

/** Text of about that many characters, in which few words come often and most seldom. */
export function prose(random: Random, length: number): string {
  let text = ''
  while (text.length < length) text += `${random.pickSkewed(words)} `
  return text.slice(0, length)
}
