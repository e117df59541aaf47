/** `npm run bench -- NAME` runs one, `npm run bench` all. Tables go to stderr, one JSON object a bench to stdout. */
import { formatTable } from './harness/result.ts'

const benches = {
  memory: () => import('./memory.ts'),
  start: () => import('./start.ts'),
}
type Name = keyof typeof benches

const known = Object.keys(benches) as Name[]
const given = process.argv.slice(2)
const unknown = given.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. There are: ${known.join(', ')}.`)
  process.exit(1)
}

for (const name of given.length > 0 ? (given as Name[]) : known) {
  const { bench } = await benches[name]()
  const { result, table } = await bench()
  console.error(`\n${name} (goal: ${result.goal})\n${formatTable(table)}`)
  console.log(JSON.stringify(result))
}
