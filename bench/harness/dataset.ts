import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scale } from './size.ts'
import { type Workbench, withWorkbench } from './workbench.ts'

/**
 * Data that is made once and kept in `.cache/bench`: made anew when the tables or the file that makes it have changed.
 * What it can't see is a change in how the product stores what it is sent; then remove the folder.
 */
export interface Dataset<Facts> {
  name: string
  /** `import.meta.url` of the file that makes it. */
  madeBy: string
  /** What it answers is kept as JSON: ids and keys that a bench needs. `key` is one of the default tenant, for everything. */
  build(bench: Workbench, key: string): Promise<Facts>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, '.cache', 'bench')

export async function withDataset<Facts, Result>(
  dataset: Dataset<Facts>,
  use: (bench: Workbench, facts: Facts) => Promise<Result>,
): Promise<Result> {
  const folder = join(cache, `${dataset.name}-${scale}-${await fingerprint(dataset)}`)
  const ready = join(folder, 'facts.json')
  const data = join(folder, 'data')
  const known = await readFile(ready, 'utf8').catch(() => null)
  if (known === null) {
    await removeFormer(`${dataset.name}-${scale}-`)
    await makeFolder(folder)
    console.error(`${dataset.name}: making the data, which is kept for later runs`)
    const facts = await withWorkbench(data, (bench) => dataset.build(bench, bench.product.firstKey ?? ''))
    await writeFile(ready, JSON.stringify(facts))
  }
  return withWorkbench(data, async (bench) => use(bench, JSON.parse(await readFile(ready, 'utf8'))))
}

/** An empty product, for what writes: on the disk that keeps the data sets, since the system's temporary folder may be memory. */
export async function withEmptyProduct<Result>(
  name: string,
  use: (bench: Workbench, key: string) => Promise<Result>,
  settings?: Record<string, string>,
): Promise<Result> {
  const folder = join(cache, name)
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  await makeFolder(folder)
  try {
    return await withWorkbench(join(folder, 'data'), (bench) => use(bench, bench.product.firstKey ?? ''), settings)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function fingerprint({ madeBy }: Dataset<unknown>): Promise<string> {
  const folder = join(root, 'prisma', 'migrations')
  const migrations = (await readdir(folder)).sort().map((name) => join(folder, name, 'migration.sql'))
  const hash = createHash('sha256')
  for (const path of [...migrations, fileURLToPath(madeBy)]) hash.update(await readFile(path))
  return hash.digest('hex').slice(0, 12)
}

async function removeFormer(prefix: string): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    if (name.startsWith(prefix)) await rm(join(cache, name), { recursive: true, force: true, maxRetries: 5 })
  }
}

/** To be entered by the user that PostgreSQL runs as where we are root. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
}
