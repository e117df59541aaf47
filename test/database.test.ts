import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate } from '../src/infra/migrate.ts'
import { type Migration, prismaFolder, readMigrations } from '../src/infra/migration-files.ts'
import { diffSchemas, openSchemaEngine } from '../src/infra/schema-engine.ts'
import { type Catalog, readCatalog, readKeys } from './harness/catalog.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase, withDatabase } from './harness/database.ts'
import { type RecordedLog, recordLog } from './harness/recorded-log.ts'
import { until } from './harness/until.ts'

/** What migrations add by hand because schema.prisma can't say it: how the catalog's lines begin, as `readCatalog` writes them. */
const writtenByHand: readonly string[] = [
  'extension btree_gin',
  ...['fuller(text,text)', 'merge_object(json,json)', 'merge_tags(text[],text[])', 'snapshot_of_now('].map(
    (name) => `function ${name}`,
  ),
  ...['ms_between(', 'span_status(', 'trace_status('].map((name) => `function ${name}`),
  ...['status', 'success', 'outcome', 'started_at', 'ended_at', 'duration_ms', 'input_tokens', 'output_tokens']
    .concat(['total_tokens', 'cached_input_tokens', 'reasoning_tokens', 'cost', 'cost_source'])
    .map((name) => `column traces.${name}:`),
  'column spans.status:',
  ...['start', 'duration', 'cost', 'total_tokens', 'agent', 'status', 'prompt', 'model', 'conversation', 'run', 'user']
    .concat(['outcome', 'etag', 'tags'])
    .map((name) => `index traces_by_${name}:`),
  'index traces_dated_ahead:',
  'index trace_contents_by_metadata:',
  'index search_entries_by_words:',
  'index playground_runs_open:',
  'index reasoning_traces_by_words:',
  'index reasoning_vectors_by_signature:',
  // With how they are stored.
  'relation reasoning_vectors:',
  'relation span_contents:',
  'relation trace_contents:',
]

describe('the migrated database', () => {
  test('is what schema.prisma describes, apart from what is written by hand', async () => {
    const [migrated, described] = await Promise.all([createDatabase(), createEmptyDatabase()])
    const schema = await readFile(join(prismaFolder, 'schema.prisma'), 'utf8')
    const engine = await openSchemaEngine(described.url, schema)
    const script = await diffSchemas(engine, null, schema).finally(() => engine.close())
    await withDatabase(described.url, (client) => client.query(script))

    const [found, expected] = await Promise.all([catalogOf(migrated), catalogOf(described)])
    expect(expected.length).toBeGreaterThan(20)
    const isOurs = (line: string) => !writtenByHand.some((start) => line.startsWith(start))
    expect(found.filter(isOurs)).toEqual(expected.filter(isOurs))
    expect(
      writtenByHand.filter((start) => !found.some((line) => line.startsWith(start) && !expected.includes(line))),
      'written by hand, and not there',
    ).toEqual([])
    await migrated.drop()
    await described.drop()
  })

  test("schema.prisma is what the newest migration leads to; `npm run migration -- NAME` makes the one that's missing", async () => {
    const database = await createEmptyDatabase()
    const newest = (await readMigrations()).at(-1)
    const schema = await readFile(join(prismaFolder, 'schema.prisma'), 'utf8')
    const engine = await openSchemaEngine(database.url, schema)
    const difference = (to: string) => diffSchemas(engine, newest?.schema ?? null, to)
    expect(await difference(schema)).toBe('')
    expect(await difference(schema.replace('@@map("usage")', '@@map("used")'))).toContain('"used"')
    await engine.close()
    await database.drop()
  })

  test('every primary key, unique index and foreign key begins with tenant_id', async () => {
    const database = await createDatabase()
    const keys = await withDatabase(database.url, readKeys)
    const isApart = (table: string) => ['tenants', '_prisma_migrations'].includes(table)
    expect(keys.filter(({ table }) => isApart(table)).length).toBeGreaterThan(0)
    const ours = keys.filter(({ table }) => !isApart(table))
    expect(ours.map(({ name }) => name)).toContain('api_keys_tenant_id_fkey')
    expect(ours.map(({ name }) => name)).toContain('api_keys_pkey')
    expect(ours.filter(({ columns }) => columns[0] !== 'tenant_id')).toEqual([])
    // A foreign key must meet the tenant on the other side too.
    const foreign = ours.filter(({ refersTo }) => refersTo !== null)
    expect(foreign.filter(({ refersTo }) => !/^(tenants\(id|[^(]+\(tenant_id)\b/.test(refersTo ?? ''))).toEqual([])
    await database.drop()
  })
})

describe('migrating', () => {
  let database: TestDatabase
  let log: RecordedLog

  beforeEach(async () => {
    database = await createEmptyDatabase()
    log = recordLog()
  })
  afterEach(() => database.drop())

  function ask(text: string, values: unknown[] = []) {
    return withDatabase(database.url, async (client) => (await client.query(text, values)).rows)
  }

  function run(migrations?: Migration[], prepare = async () => {}): Promise<void> {
    return migrate(database.url, log.logger, prepare, migrations)
  }

  function migration(name: string, sql: string): Migration {
    return { name, sql, schema: 'datasource db {\n  provider = "postgresql"\n}\n' }
  }

  async function history(): Promise<Record<string, string[]>> {
    const rows = await ask(`
      select migration_name as name, case when rolled_back_at is not null then 'rolled back'
        when finished_at is not null then 'finished' else 'begun' end as state
      from _prisma_migrations order by started_at`)
    const states: Record<string, string[]> = {}
    for (const { name, state } of rows) states[name] = [...(states[name] ?? []), state]
    return states
  }

  async function hasTable(name: string): Promise<boolean> {
    return (await ask('select to_regclass($1) is not null as found', [name]))[0].found
  }

  const first = migration('1_first', 'create table first (id int primary key)')
  const second = migration('2_second', 'create table second (id int primary key)')

  test('is done once, by one of many processes that start at once, and each prepares alone', async () => {
    let preparing = 0
    const prepare = async () => {
      expect(++preparing).toBe(1)
      await ask('create table if not exists prepared (id int); insert into prepared values (1)')
      preparing--
    }
    await Promise.all(Array.from({ length: 5 }, () => run(undefined, prepare)))
    expect(log.said('migrated')).toHaveLength(1)
    expect(await ask('select count(*)::int as times from prepared')).toEqual([{ times: 5 }])
    const names = (await readMigrations()).map(({ name }) => name)
    expect(await history()).toEqual(Object.fromEntries(names.map((name) => [name, ['finished']])))
  })

  test('goes on from where the database is', async () => {
    await run([first])
    await ask('insert into first values (7)')
    await run([first, second])
    expect(log.said('migrated').map(({ migrations }) => migrations)).toEqual([['1_first'], ['2_second']])
    expect(await ask('select id from first')).toEqual([{ id: 7 }])
    await run([first, second])
    expect(log.said('migrated')).toHaveLength(2)
  })

  test('a script may have semicolons in a function body, and several statements that need each other', async () => {
    const script = `
      create table counted (id int, note text default 'a;b');
      create function count_up() returns trigger language plpgsql as $body$
        declare n int;
        begin
          select count(*) into n from counted; -- not here; nor here
          new.id := n + 1;
          return new;
        end;
      $body$;
      create trigger count_up before insert on counted for each row execute function count_up();
      insert into counted default values; insert into counted default values;`
    await run([migration('1_functions', script), second])
    expect(await ask('select id, note from counted order by id')).toEqual([
      { id: 1, note: 'a;b' },
      { id: 2, note: 'a;b' },
    ])
  })

  test('a failing migration says which and why, leaves nothing behind, and can be mended', async () => {
    const failing = migration('2_failing', 'create table half (id int); insert into half values (1); select 1 / 0;')
    let prepared = 0
    const failure = await run([first, failing, second], async () => void prepared++).catch((error) => error)
    expect(failure).toMatchObject({ name: 'StartError' })
    expect(failure.message).toBe('A migration failed, and was rolled back: 2_failing: division by zero')
    expect(prepared).toBe(0)
    expect(await Promise.all(['first', 'half', 'second'].map(hasTable))).toEqual([true, false, false])

    await expect(run([first, failing, second])).rejects.toThrow('division by zero')
    await run([first, migration('2_failing', 'create table whole (id int)'), second], async () => void prepared++)
    expect(prepared).toBe(1)
    expect(await Promise.all(['first', 'half', 'whole', 'second'].map(hasTable))).toEqual([true, false, true, true])
    expect((await history())['2_failing']).toEqual(['rolled back', 'rolled back', 'finished'])
  })

  test('a migration whose process was killed before it happened is made up for', async () => {
    await run([first])
    await ask(`
      insert into _prisma_migrations (id, checksum, migration_name, started_at)
      values ('killed', 'none', '2_second', now())`)
    await run([first, second])
    expect(await hasTable('second')).toBe(true)
    expect(await history()).toEqual({ '1_first': ['finished'], '2_second': ['rolled back', 'finished'] })
  })

  test('a connection that is lost in the middle leaves nothing of the script', async () => {
    const gate = 4_711
    const waiting = migration('2_waiting', `create table half (id int); select pg_advisory_xact_lock(${gate});`)
    await withDatabase(database.url, async (keeper) => {
      await keeper.query('select pg_advisory_lock($1)', [gate])
      const failed = run([first, waiting]).catch((error) => error)
      const stuck = `
        select pid from pg_stat_activity
        where datname = current_database() and wait_event = 'advisory' and query like '%create table half%'`
      await until(async () => (await ask(stuck)).length === 1)
      await ask(`select pg_terminate_backend(pid) from (${stuck}) as stuck`)
      expect(await failed).toMatchObject({ name: 'StartError', message: expect.stringContaining('2_waiting') })
      expect(await hasTable('half')).toBe(false)
    })
    await run([first, waiting])
    expect(await hasTable('half')).toBe(true)
  })

  test('a newer database is refused by the names of what it holds, and left untouched', async () => {
    await run([first, second])
    await ask(`
      insert into _prisma_migrations (id, checksum, migration_name, started_at)
      values ('killed', 'none', '3_third', now())`)
    const everything = async () => [await history(), await catalogOf(database)]
    const before = await everything()
    let prepared = 0
    const failure = await run([first], async () => void prepared++).catch((error) => error)
    expect(failure).toMatchObject({ name: 'StartError' })
    expect(failure.message).toContain('newer than this program: it holds 1 migration(s)')
    expect(failure.message).toContain('(2_second)')
    expect(prepared).toBe(0)
    expect(await everything()).toEqual(before)
  })

  test('two databases are migrated by one process one after the other, also while one fails', async () => {
    const another = await createEmptyDatabase()
    const failing = migration('1_failing', 'create table half (id int); select nonsense')
    const outcomes = await Promise.allSettled([
      run([failing]),
      migrate(another.url, log.logger, async () => {}, [first, second]),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    await another.drop()
  })
})

function catalogOf({ url }: TestDatabase): Promise<Catalog> {
  return withDatabase(url, readCatalog)
}
