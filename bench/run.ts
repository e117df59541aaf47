/** `npm run bench -- NAME` runs one, `npm run bench` all. Tables go to stderr, one JSON object a bench to stdout. */
import { formatTable } from './harness/result.ts'

const benches = {
  compile: () => import('./compile.ts'),
  deltas: () => import('./deltas.ts'),
  fanout: () => import('./fanout.ts'),
  'feed-cost': () => import('./feed-cost.ts'),
  ingest: () => import('./ingest.ts'),
  'ingest-http': () => import('./ingest-http.ts'),
  list: () => import('./list.ts'),
  'list-depth': () => import('./list-depth.ts'),
  'list-size': () => import('./list-size.ts'),
  live: () => import('./live.ts'),
  memory: () => import('./memory.ts'),
  resume: () => import('./resume.ts'),
  run: () => import('./playground-run.ts'),
  search: () => import('./search.ts'),
  'search-quality': () => import('./search-quality.ts'),
  start: () => import('./start.ts'),
  'trace-50': () => import('./trace-50.ts'),
  tree: () => import('./tree.ts'),
  'tree-10k': () => import('./tree-10k.ts'),
  'tree-json': () => import('./tree-json.ts'),
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
  const { result, table, details = [] } = await bench()
  const tables = [table, details].filter((rows) => rows.length > 0).map(formatTable)
  console.error(`\n${name} (goal: ${result.goal}, measured: ${result.ratio ?? result.ours})\n${tables.join('\n')}`)
  console.log(JSON.stringify(result))
}
