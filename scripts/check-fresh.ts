/**
 * Generated files are committed, so that a reader and a fresh clone have them; this proves that they are what the
 * generators write today. It runs them into place: where it fails, what it found is already mended.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const root = process.cwd()
const schema = 'schema.graphql'
const skipped = new Set(['node_modules', 'dist'])

const before = hashGenerated()
const { status } = spawnSync('npm run --silent generate', { shell: true, stdio: 'inherit' })
if (status !== 0) fail('`npm run generate` failed.')
const after = hashGenerated()

if (after.size === 0) fail(`Nothing was compared: no ${schema} and no file in any generated/ folder.`)
if (!after.has(schema)) fail(`\`npm run generate\` left no ${schema}.`)
const stale = [...new Set([...before.keys(), ...after.keys()])].filter((file) => before.get(file) !== after.get(file))
for (const file of stale.sort()) console.error(`${file}  ${changeOf(file)}`)
if (stale.length > 0) fail('Generated files were not fresh: run `npm run generate` and commit.')
console.log(`fresh: ${after.size} generated files are as their sources want them`)

function hashGenerated(): Map<string, string> {
  const files = findGenerated(root)
  if (existsSync(join(root, schema))) files.push(join(root, schema))
  return new Map(
    files.map((file) => [relative(root, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  )
}

function findGenerated(folder: string, isGenerated = false): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return isGenerated ? [path] : []
    if (!entry.isDirectory() || skipped.has(entry.name) || entry.name.startsWith('.')) return []
    return findGenerated(path, isGenerated || entry.name === 'generated')
  })
}

function changeOf(file: string): string {
  if (!before.has(file)) return 'appeared'
  return after.has(file) ? 'changed' : 'vanished'
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
