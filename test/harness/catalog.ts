import type pg from 'pg'

/** What a schema consists of, one sorted line each, so that two can be compared and a difference can be read. */
export type Catalog = string[]

/** Without the order of columns: a later migration adds at the end what schema.prisma may have in the middle. */
export async function readCatalog(client: pg.Client): Promise<Catalog> {
  const { rows } = await client.query<{ line: string }>(`${lines} order by line`)
  return rows.map(({ line }) => line)
}

export interface TableKey {
  table: string
  name: string
  /** In the order of the index. */
  columns: string[]
  /** Of a foreign key: `tenants(id)`. */
  refersTo: string | null
}

/** All primary keys, unique indexes and foreign keys of the schema `public`. */
export async function readKeys(client: pg.Client): Promise<TableKey[]> {
  const { rows } = await client.query<TableKey>(keys)
  return rows
}

const ours = `
  c.relnamespace = 'public'::regnamespace and c.relname not like '\\_prisma%'
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')`

const lines = `
  select 'relation ' || c.relname || ': ' || c.relkind::text || ' ' || c.relpersistence::text || ' ' ||
      coalesce(array_to_string(c.reloptions, ','), '') || ' ' || c.relrowsecurity as line
    from pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and ${ours}
  union all
  select 'column ' || c.relname || '.' || a.attname || ': ' || format_type(a.atttypid, a.atttypmod) ||
      case when a.attnotnull then ' not null' else '' end ||
      coalesce(' default ' || pg_get_expr(e.adbin, e.adrelid), '') || ' ' || a.attgenerated::text || a.attidentity::text
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    left join pg_attrdef e on e.adrelid = a.attrelid and e.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and ${ours}
  union all
  select 'constraint ' || c.relname || '.' || k.conname || ': ' || pg_get_constraintdef(k.oid)
    from pg_constraint k join pg_class c on c.oid = k.conrelid where k.contype <> 'n' and ${ours}
  union all
  select 'index ' || c.relname || ': ' || pg_get_indexdef(c.oid) from pg_class c where c.relkind in ('i', 'I') and ${ours}
  union all
  select 'trigger ' || c.relname || '.' || t.tgname || ': ' || pg_get_triggerdef(t.oid)
    from pg_trigger t join pg_class c on c.oid = t.tgrelid where not t.tgisinternal and ${ours}
  union all
  select 'function ' || p.oid::regprocedure || ': ' || md5(p.prosrc) from pg_proc p
    where p.pronamespace = 'public'::regnamespace
    and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  union all
  select 'type ' || t.typname || ': ' || coalesce((select string_agg(e.enumlabel, ', ' order by e.enumsortorder)
      from pg_enum e where e.enumtypid = t.oid), '')
    from pg_type t where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd')
    and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')
  union all
  select 'extension ' || extname from pg_extension`

const keys = `
  select c.relname as "table", i.relname as name, null as "refersTo",
      array(select pg_get_indexdef(x.indexrelid, n, true) from generate_series(1, x.indnkeyatts) n) as columns
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
    where x.indisunique and c.relnamespace = 'public'::regnamespace
  union all
  select c.relname, k.conname,
      k.confrelid::regclass || '(' || array_to_string(array(select a.attname from unnest(k.confkey) with ordinality f(n, o)
        join pg_attribute a on a.attrelid = k.confrelid and a.attnum = f.n order by o), ', ') || ')',
      array(select a.attname::text from unnest(k.conkey) with ordinality f(n, o)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = f.n order by o)
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    where k.contype = 'f' and c.relnamespace = 'public'::regnamespace
  order by 1, 2`
