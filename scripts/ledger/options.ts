import { parseArgs } from 'node:util'

export type Command =
  | { name: 'rotate'; tenant: string | null }
  | { name: 'export'; tenant: string; file: string | null }
  | { name: 'head'; tenant: string }

export const usage = `The ledger of a tenant: its keys, and what it says.

  npm run ledger -- rotate [--tenant SLUG]           a new key for one tenant, or for all that have one
  npm run ledger -- export FILE [--tenant SLUG]      writes it to a file that only you may read
  npm run --silent ledger -- export [--tenant SLUG]  writes it to the standard output
  npm run --silent ledger -- head [--tenant SLUG]    its last entry, as SEQUENCE:HASH, to be kept elsewhere

The tenant is "default" unless said. Without \`--silent\` npm prints what it runs before. A file is verified with:
npx tsx examples/verify-ledger.ts FILE

The database is found as by \`npm start\`: DATABASE_URL with TRACEMEND_SECRET, or the data folder (TRACEMEND_DATA, .data
unless said), whether the server runs or not.`

/** What was wrong with how it was called. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const defaultTenant = 'default'

/** Null: only the usage was asked for. */
export function readCommand(given: string[]): Command | null {
  const { values, positionals } = parse(given)
  if (values.help) return null
  const [name, file, ...more] = positionals
  const { tenant } = values
  if (more.length > 0 || (file !== undefined && name !== 'export')) {
    throw new UsageError(`One thing at a time; got "${positionals.join(' ')}".\n\n${usage}`)
  }
  if (name === 'rotate') return { name, tenant: tenant ?? null }
  if (name === 'export') return { name, tenant: tenant ?? defaultTenant, file: file ?? null }
  if (name === 'head') return { name, tenant: tenant ?? defaultTenant }
  throw new UsageError(`What is to be done: rotate, export or head? Got "${name ?? ''}".\n\n${usage}`)
}

function parse(given: string[]) {
  try {
    const options = { tenant: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ args: given, options, strict: true, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`)
  }
}
