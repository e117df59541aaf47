import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

export interface SchemaEngine {
  commands: bindings.SchemaEngine
  /** What PostgreSQL said of a script that failed: of an error that it has not made, the engine knows only a number. */
  scriptError(): Error | null
  close(): Promise<void>
}

/**
 * Prisma's schema engine in its WASM form: the migrations are applied by the same code as `prisma migrate deploy`,
 * without the native engine that the CLI would download. Instantiated by hand, because Node 20 can't import .wasm.
 * The instance is one for the process and panics when two engines are at work in it, so the second waits.
 */
export async function openSchemaEngine(databaseUrl: string, datamodel: string): Promise<SchemaEngine> {
  const before = inUse
  let release = () => {}
  inUse = new Promise((resolve) => {
    release = resolve
  })
  await before
  await instantiate()
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  pool.on('error', () => {})
  const close = async () => {
    await pool.end()
    release()
  }
  try {
    const scripts = new AtomicScriptsPg(pool)
    const adapter = bindMigrationAwareSqlAdapterFactory(scripts)
    const commands = await bindings.SchemaEngine.new({ datamodels: [['schema.prisma', datamodel]] }, () => {}, adapter)
    return {
      commands,
      scriptError: () => scripts.error,
      async close() {
        commands.free()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

let inUse: Promise<void> = Promise.resolve()

/** What `prisma/schema.prisma` needs that an older one, or an empty database, has not: SQL, empty if nothing. */
export async function diffSchemas(engine: SchemaEngine, from: string | null, to: string): Promise<string> {
  const result = await engine.commands.diff({
    from: from === null ? { tag: 'empty' } : datamodel(from),
    to: datamodel(to),
    script: true,
    exitCode: true,
    shadowDatabaseUrl: null,
    filters: { externalTables: [], externalEnums: [] },
  } as bindings.DiffParams)
  return result.exitCode === 2 ? (result.stdout ?? '') : ''
}

function datamodel(content: string): bindings.DiffTarget {
  return { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] }
}

/** Node has it; neither the ES libraries nor Node's types declare it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: Record<string, unknown>) => { exports: unknown }
}

/** Where the engine puts the words of a panic before it throws. */
const panics = {
  set_message(message: string) {
    process.stderr.write(`The schema engine panicked: ${message}\n`)
  },
}

let instantiated: Promise<void> | undefined

function instantiate(): Promise<void> {
  instantiated ??= (async () => {
    const path = createRequire(import.meta.url)
      .resolve('@prisma/schema-engine-wasm')
      .replace(/schema_engine\.js$/, 'schema_engine_bg.wasm')
    Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: panics })
    const module = new WebAssembly.Module(await readFile(path))
    const instance = new WebAssembly.Instance(module, { './schema_engine_bg.js': bindings })
    const exports = instance.exports as { __wbindgen_start(): void }
    bindings.__wbg_set_wasm(exports)
    exports.__wbindgen_start()
  })()
  return instantiated
}

/**
 * The stock adapter cuts a script at every semicolon and runs the pieces one by one: a function body is torn apart,
 * and a process that dies leaves half a migration. Here a script is one transaction, together with the mark that it
 * is done: after `kill -9` a migration has happened and is marked, or has not happened at all.
 */
class AtomicScriptsPg extends PrismaPg {
  error: Error | null = null
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    super(pool)
    this.#pool = pool
  }

  override async connect() {
    const adapter = await super.connect()
    adapter.executeScript = (script) => this.#runAtomically(script)
    return adapter
  }

  async #runAtomically(script: string): Promise<void> {
    const client = await this.#pool.connect()
    try {
      await client.query('begin')
      await client.query(script)
      if (!script.includes('_prisma_migrations')) await client.query(markFinished)
      await client.query('commit')
      client.release()
    } catch (error) {
      this.error = error as Error
      client.release(true)
      throw error
    }
  }
}

const markFinished = `
  update _prisma_migrations set finished_at = now(), applied_steps_count = 1
  where finished_at is null and rolled_back_at is null`
