import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { deleted, type Ledgers, newLedgerId, openLedgers, stored } from '../../test/harness/ledger.ts'
import { appendEntry, type LedgerEntry, type LedgerHead, mintLedgerKey } from './ledger.ts'

let database: TestDatabase
let ledgers: Ledgers

/** Whoever owns the database begins with what keeps it in order. */
const unfettered = `
  alter table reasoning_traces drop constraint reasoning_traces_pkey cascade;
  alter table reasoning_tags drop constraint reasoning_tags_pkey;
  alter table ledger_entries drop constraint ledger_entries_pkey;
  alter table ledger_keys drop constraint ledger_keys_pkey;
  drop index reasoning_traces_tenant_id_sequence_key;
  drop index ledger_entries_tenant_id_reasoning_id_kind_key;`

beforeAll(async () => {
  database = await createDatabase()
  ledgers = openLedgers(database.url)
  await ledgers.pool.query(unfettered)
})
afterAll(async () => {
  await ledgers.end()
  await database.drop()
})

async function ask(text: string, values: unknown[] = []) {
  return (await ledgers.pool.query(text, values)).rows
}

/**
 * Ten entries of two keys, one transaction each: b and e are deleted.
 * 1 a, 2 b, 3 c, 4 d, 5 -b | 6 e, 7 f, 8 g, 9 -e, 10 h
 */
async function writeLedger(): Promise<string> {
  const id = newLedgerId()
  for (const change of [...['a', 'b', 'c', 'd'].map((each) => stored(each)), deleted('b')]) {
    await ledgers.append(id, change)
  }
  await ledgers.rotate(id)
  for (const change of [...['e', 'f', 'g'].map((each) => stored(each)), deleted('e'), stored('h')]) {
    await ledgers.append(id, change)
  }
  return id
}

const size = 10
/** In which entry what was deleted had been stored. */
const storedIn: Record<number, number> = { 5: 2, 9: 6 }

async function entriesOf(id: string): Promise<LedgerEntry[]> {
  return ask(
    `select sequence, kind, reasoning_id as "reasoningId", encode(content_hash, 'hex') as "contentHash",
       encode(hash, 'hex') as hash, signed_at as "signedAt", key_id as "keyId"
     from ledger_entries where tenant_id = $1 order by sequence`,
    [id],
  ) as Promise<LedgerEntry[]>
}

async function insertEntry(id: string, entry: LedgerEntry): Promise<void> {
  const { sequence, kind, reasoningId, contentHash, previousHash, hash, signature, keyId, signedAt } = entry
  const hex = [contentHash, previousHash, hash].map((text) => Buffer.from(text, 'hex'))
  const values = [id, sequence, kind, reasoningId, ...hex, Buffer.from(signature, 'base64'), keyId, signedAt]
  await ask(`insert into ledger_entries values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, values)
}

async function moveHead(id: string, { sequence, hash, signedAt }: LedgerHead): Promise<void> {
  const values = [id, sequence, Buffer.from(hash, 'hex'), signedAt]
  await ask('update ledger_heads set sequence = $2, hash = $3, signed_at = $4 where tenant_id = $1', values)
}

async function copyRecord(id: string, from: string, into: { ledger: string; name: string; sequence: number }) {
  await ask(
    `insert into reasoning_traces
     select (jsonb_populate_record(r, jsonb_build_object('tenant_id', $3::text, 'id', $4::text, 'sequence', $5::int))).*
     from reasoning_traces r where tenant_id = $1 and id = $2`,
    [id, from, into.ledger, into.name, into.sequence],
  )
  await ask('delete from reasoning_tags where tenant_id = $1 and reasoning_id = $2', [into.ledger, into.name])
  await ask(
    `insert into reasoning_tags select $3, tag, $5, $4 from reasoning_tags where tenant_id = $1 and reasoning_id = $2`,
    [id, from, into.ledger, into.name, into.sequence],
  )
}

async function expectInvalid(id: string, firstInvalid: number | null, reason: RegExp = /./): Promise<void> {
  const verification = await ledgers.verify(id)
  expect(verification).toMatchObject({ valid: false, endCursor: null, firstInvalid })
  expect(verification.reason).toMatch(reason)
  expect(verification.checked).toBe(firstInvalid === null ? (await entriesOf(id)).length : firstInvalid - 1)
}

test('a ledger that nobody touched is valid, and so is one that is empty or was never begun', async () => {
  const id = await writeLedger()
  expect(await ledgers.verify(id)).toMatchObject({
    valid: true,
    checked: size,
    firstInvalid: null,
    reason: null,
    endCursor: null,
    head: { sequence: size, kind: 'STORED', reasoningId: 'h', signature: expect.stringMatching(/^[\w+/]{86}==$/) },
    publicKeys: [
      { kty: 'OKP', crv: 'Ed25519', use: 'sig', kid: expect.stringMatching(/^lk_/), retiredAt: expect.any(String) },
      { retiredAt: null },
    ],
  })
  const empty = { valid: true, checked: 0, endCursor: null, head: null }
  expect(await ledgers.verify(newLedgerId())).toMatchObject({ ...empty, publicKeys: [] })
  const begun = newLedgerId()
  expect(await ledgers.append(begun, deleted('nothing'))).toEqual([{ kind: 'NOT_FOUND' }])
  expect(await ledgers.verify(begun)).toMatchObject(empty)
})

/** What is no part of what was signed: it is made of the rest, and made anew by whoever doubts it. */
const notSigned = ['reasoning_traces.words']

interface Column {
  table: string
  column: string
  type: string
}

/** Of another value than before, whatever that was. */
const changes: Record<string, (column: string) => string> = {
  text: (column) => `'x' || coalesce(${column}, '')`,
  integer: (column) => `${column} + 100`,
  'double precision': (column) => `${column} + 1e-15`,
  'timestamp with time zone': (column) => `coalesce(${column}, now()) + interval '1 millisecond'`,
  bytea: (column) =>
    `set_byte(${column}, octet_length(${column}) - 1, get_byte(${column}, octet_length(${column}) - 1) # 1)`,
  json: () => `'[{"option": "give up", "cost": 1.5}, null, "y"]'`,
  ARRAY: (column) => `${column}[1:array_length(${column}, 1) - 1] || (${column}[array_length(${column}, 1)] || '.')`,
}

const otherChanges: [table: string, column: string, to: string][] = [
  ['reasoning_traces', 'alternatives', `'[{"option":"give up","cost":1.5},null,"x" ]'`],
  ['reasoning_traces', 'alternatives', `'[{"option":"go on","option":"give up","cost":1.5},null,"x"]'`],
  ['reasoning_traces', 'alternatives', `'[{"option":"give up","cost":1.50000000000000000001},null,"x"]'`],
  ['reasoning_traces', 'confidence', `'NaN'`],
  ['reasoning_traces', 'created_at', `'infinity'`],
  ['reasoning_traces', 'observations', 'null'],
  ['reasoning_traces', 'observations', `array['It timed out.', null]`],
  ['reasoning_traces', 'hypothesis', 'null'],
  ['reasoning_traces', 'parent_id', `'a'`],
  ['reasoning_traces', 'parent_id', `''`],
  ['reasoning_traces', 'sequence', '-sequence'],
  ['ledger_entries', 'signed_at', `'infinity'`],
  ['ledger_entries', 'signed_at', `'4713-01-01 BC'`],
  ['ledger_entries', 'signature', `''`],
  ['ledger_entries', 'content_hash', `''`],
  ['ledger_entries', 'sequence', '2147483647'],
  ['ledger_entries', 'sequence', '4'],
  ['reasoning_tags', 'tag', `'net'`],
]

describe('every column', () => {
  /** Of entry 3, of the record that it is about, of the head, and of the first key. */
  const rows: Record<string, string> = {
    ledger_entries: 'sequence = 3',
    reasoning_traces: `id = 'c'`,
    reasoning_tags: `reasoning_id = 'c' and tag = 'retry'`,
    ledger_heads: 'true',
    ledger_keys: 'retired_at is not null',
  }
  /** Where it isn't entry 3. The times of keys and what is sealed of them stand in no entry. */
  const expected: Record<string, number | null> = {
    'ledger_heads.tenant_id': null,
    'ledger_heads.sequence': size + 1,
    'ledger_heads.hash': null,
    'ledger_heads.signed_at': null,
    'ledger_keys.tenant_id': 1,
    'ledger_keys.id': 1,
    'ledger_keys.public_key': 1,
    'ledger_keys.sealed_key': null,
    'ledger_keys.created_at': null,
    'ledger_keys.retired_at': null,
  }
  let columns: Column[]

  beforeAll(async () => {
    columns = (await ask(
      `select table_name as table, column_name as column, data_type as type from information_schema.columns
       where table_name = any($1)`,
      [Object.keys(rows)],
    )) as Column[]
    expect(columns.length).toBeGreaterThan(40)
  })

  async function change(table: string, column: string, to: string): Promise<string> {
    const id = await writeLedger()
    const { rowCount } = await ledgers.pool.query(
      `update ${table} set ${column} = ${to} where tenant_id = $1 and ${rows[table]}`,
      [id],
    )
    expect(rowCount, `${table}.${column}`).toBe(1)
    return id
  }

  async function expectFound(id: string, table: string, column: string): Promise<void> {
    const name = `${table}.${column}`
    const { valid, firstInvalid, reason } = await ledgers.verify(id)
    const found = { name, valid, firstInvalid, reason }
    const at = expected[name] === undefined ? 3 : expected[name]
    expect(found).toEqual({ name, valid: false, firstInvalid: at, reason: expect.stringMatching(/\w\.$/) })
  }

  test('that is changed, however little, is found', async () => {
    for (const { table, column, type } of columns) {
      if (notSigned.includes(`${table}.${column}`)) continue
      const to = changes[type]
      expect(to, `a change for ${type}`).toBeDefined()
      await expectFound(await change(table, column, to?.(column) ?? ''), table, column)
    }
  })

  test('that is emptied is found', async () => {
    for (const { table, column } of columns) {
      if (notSigned.includes(`${table}.${column}`)) continue
      const [{ nullable }] = (await ask(
        `select is_nullable = 'YES' as nullable from information_schema.columns where table_name = $1 and column_name = $2`,
        [table, column],
      )) as [{ nullable: boolean }]
      const before = `${table}.${column}` === 'reasoning_traces.parent_id'
      if (nullable && !before) await expectFound(await change(table, column, 'null'), table, column)
    }
  })

  test.each(otherChanges)('%s.%s = %s is found', async (table, column, to) =>
    expectFound(await change(table, column, to), table, column),
  )

  test('of the key that signs now is found, before it signs again', async () => {
    for (const { table, column, type } of columns) {
      if (table !== 'ledger_keys') continue
      const id = await writeLedger()
      const to = changes[type]?.(column)
      await ask(`update ledger_keys set ${column} = ${to} where tenant_id = $1 and retired_at is null`, [id])
      expect(await ledgers.verify(id), column).toMatchObject({ valid: false })
    }
  })
})

describe('what is dropped', () => {
  test('is found, whichever entry it is', async () => {
    for (let sequence = 1; sequence <= size; sequence++) {
      const id = await writeLedger()
      await ask('delete from ledger_entries where tenant_id = $1 and sequence = $2', [id, sequence])
      await expectInvalid(id, storedIn[sequence] ?? sequence)
    }
  })

  test('is found where all that came after it is gone too, as long as a record or the head is left', async () => {
    const id = await writeLedger()
    await ask('delete from ledger_entries where tenant_id = $1 and sequence > 7', [id])
    await expectInvalid(id, 6, /"e" of entry 6 is gone/)
    await ask('delete from ledger_entries where tenant_id = $1 and sequence > 5', [id])
    await expectInvalid(id, 6, /head stands at 10/)
    await moveHead(id, (await entriesOf(id)).at(-1) as LedgerEntry)
    await expectInvalid(id, null, /"\w" is there, and no entry says that it was stored/)
    await ask('delete from reasoning_traces where tenant_id = $1 and sequence > 5', [id])
    await ask('delete from ledger_heads where tenant_id = $1', [id])
    await expectInvalid(id, null, /no head/)
  })

  test('is found of records that no entry says were deleted, and of all entries', async () => {
    const id = await writeLedger()
    await ask(`delete from reasoning_traces where tenant_id = $1 and id = 'd'`, [id])
    await expectInvalid(id, 4, /"d" of entry 4 is gone/)
    const other = await writeLedger()
    await ask('delete from ledger_entries where tenant_id = $1', [other])
    await expectInvalid(other, 1, /head stands at 10/)
    await ask('delete from ledger_heads where tenant_id = $1', [other])
    await expectInvalid(other, null, /no entry says that it was stored/)
  })

  test('is found of keys, and of tags', async () => {
    const id = await writeLedger()
    await ask(`delete from reasoning_tags where tenant_id = $1 and reasoning_id = 'f' and tag = 'net'`, [id])
    await expectInvalid(id, 7, /other tags/)
    await ask('delete from ledger_keys where tenant_id = $1 and retired_at is null', [id])
    await expectInvalid(id, 6, /is not there/)
  })

  test('is not found where the whole end is: heads that were kept elsewhere find it (ledger-export.test.ts)', async () => {
    const id = await writeLedger()
    const entries = await entriesOf(id)
    await ask('delete from ledger_entries where tenant_id = $1 and sequence = 10', [id])
    await ask(`delete from reasoning_traces where tenant_id = $1 and id = 'h'`, [id])
    await moveHead(id, entries[8] as LedgerEntry)
    expect(await ledgers.verify(id)).toMatchObject({ valid: true, checked: 9 })
  })
})

describe('what is put in', () => {
  test('is found of records: without an entry, before and after the others, and of one that was deleted', async () => {
    for (const sequence of [-5, 0, 3, 5, 11, 2_147_483_647]) {
      const id = await writeLedger()
      await copyRecord(id, 'a', { ledger: id, name: 'forged', sequence })
      await expectInvalid(id, null, /"forged" is there, and no entry says that it was stored/)
    }
    const id = await writeLedger()
    const twin = newLedgerId()
    await ledgers.append(twin, stored('a'), stored('b'))
    await copyRecord(twin, 'b', { ledger: id, name: 'b', sequence: 2 })
    await ask(
      `update reasoning_traces set created_at = e.signed_at from ledger_entries e
       where reasoning_traces.tenant_id = $1 and reasoning_traces.id = 'b' and e.tenant_id = $1 and e.sequence = 2`,
      [id],
    )
    await expectInvalid(id, 5, /"b" is there, and entry 5 says that it was deleted/)
  })

  test('is found of a second record of the same name', async () => {
    const id = await writeLedger()
    const copy = newLedgerId()
    await copyRecord(id, 'c', { ledger: copy, name: 'c', sequence: 99 })
    await ask(`update reasoning_traces set tenant_id = $2, conclusion = 'No.' where tenant_id = $1`, [copy, id])
    await expectInvalid(id, 3, /"c" of entry 3 is there more than once/)
  })

  test('is found of entries before the first', async () => {
    for (const sequence of [0, -2_147_483_648]) {
      const id = await writeLedger()
      await ask('update ledger_entries set sequence = $2 where tenant_id = $1 and sequence = 3', [id, sequence])
      const reason = `Entry ${sequence} stands before the first.`
      expect(await ledgers.verify(id)).toMatchObject({ valid: false, checked: 0, firstInvalid: sequence, reason })
    }
  })

  test('is found of entries that somebody else has signed, with whatever key', async () => {
    const id = await writeLedger()
    const head = (await entriesOf(id)).at(-1) as LedgerEntry
    const { keyId, publicKey, privateKey } = mintLedgerKey()
    const said = { kind: 'DELETED', reasoningId: 'a', contentHash: head.contentHash } as const
    const forged = appendEntry(id, head, said, { signer: { keyId, privateKey }, now: new Date() })
    await insertEntry(id, forged)
    await moveHead(id, forged)
    await expectInvalid(id, 11, /signed with the key lk_\w+, which is not there/)

    await ask(
      `insert into ledger_keys select tenant_id, $2, $3, sealed_key, $4, null from ledger_keys
       where tenant_id = $1 and retired_at is null`,
      [id, keyId, publicKey, new Date()],
    )
    await ask(`update ledger_keys set retired_at = $2 where tenant_id = $1 and id = $3`, [id, new Date(), head.keyId])
    await expectInvalid(id, 11, /with another hash/)
    const [{ contentHash }] = (await entriesOf(id)) as [LedgerEntry]
    await ask('delete from ledger_entries where tenant_id = $1 and sequence = 11', [id])
    const better = appendEntry(id, head, { ...said, contentHash }, { signer: { keyId, privateKey }, now: new Date() })
    await insertEntry(id, better)
    await moveHead(id, better)
    await ask(`delete from reasoning_traces where tenant_id = $1 and id = 'a'`, [id])
    await expectInvalid(id, null, /other times than those that were sealed|What is sealed/)
  })

  test('is found of an entry whose hash fits and whose signature does not', async () => {
    const id = await writeLedger()
    const head = (await entriesOf(id)).at(-1) as LedgerEntry
    const said = { kind: 'STORED', reasoningId: 'i', contentHash: head.contentHash } as const
    const signer = { keyId: head.keyId, privateKey: mintLedgerKey().privateKey }
    const forged = appendEntry(id, head, said, { signer, now: new Date() })
    await insertEntry(id, forged)
    await moveHead(id, forged)
    await copyRecord(id, 'h', { ledger: id, name: 'i', sequence: 11 })
    await ask(`update reasoning_traces set created_at = $2 where tenant_id = $1 and id = 'i'`, [id, forged.signedAt])
    await expectInvalid(id, 11)
    const last = { ...said, kind: 'DELETED', reasoningId: 'h', contentHash: head.contentHash } as const
    const deletion = appendEntry(id, head, last, { signer, now: new Date() })
    await ask('delete from ledger_entries where tenant_id = $1 and sequence = 11', [id])
    await ask(`delete from reasoning_traces where tenant_id = $1 and id in ('h', 'i')`, [id])
    await insertEntry(id, deletion)
    await moveHead(id, deletion)
    await expectInvalid(id, 11, /signature of entry 11/)
  })

  test('is found of tags, and of keys', async () => {
    const id = await writeLedger()
    await ask(`insert into reasoning_tags values ($1, 'urgent', 8, 'g')`, [id])
    await expectInvalid(id, 8, /other tags/)
    const other = await writeLedger()
    const { keyId, publicKey } = mintLedgerKey()
    await ask(
      `insert into ledger_keys select tenant_id, $2, $3, sealed_key, now(), null from ledger_keys
       where tenant_id = $1 limit 1`,
      [other, keyId, publicKey],
    )
    await expectInvalid(other, null, /key/)
  })
})

describe('what is swapped', () => {
  const columns = `decision_type, summary, output_ref, observations, hypothesis, conclusion, confidence, alternatives,
    files_read, key_facts, agent, session_id, tags, parent_id, trace_id, span_id`

  test('is found of records: their contents, their places, their names', async () => {
    const id = await writeLedger()
    await ask(
      `update reasoning_traces r set (${columns}) = (
         select ${columns} from reasoning_traces o
         where o.tenant_id = $1 and o.id = case r.id when 'c' then 'g' else 'c' end)
       where r.tenant_id = $1 and r.id in ('c', 'g')`,
      [id],
    )
    await expectInvalid(id, 3, /content of the record "c"/)
    for (const [column, one, other] of [
      ['sequence', '3', '8'],
      ['id', `'c'`, `'g'`],
    ]) {
      const swapped = await writeLedger()
      await ask(
        `update reasoning_traces set ${column} = case ${column} when ${one} then ${other} else ${one} end
         where tenant_id = $1 and ${column} in (${one}, ${other})`,
        [swapped],
      )
      await expectInvalid(swapped, 3)
    }
  })

  test('is found of entries, in each of their columns', async () => {
    const [{ names }] = (await ask(
      `select array_agg(column_name::text) as names from information_schema.columns
       where table_name = 'ledger_entries' and column_name not in ('tenant_id', 'key_id')`,
    )) as [{ names: string[] }]
    for (const name of names) {
      const id = await writeLedger()
      await ask(
        `update ledger_entries e set ${name} = o.${name} from ledger_entries o
         where e.tenant_id = $1 and o.tenant_id = $1 and e.sequence in (3, 5) and o.sequence = 8 - e.sequence`,
        [id],
      )
      // Without its deletion, the record that was deleted is the first that is wrong.
      await expectInvalid(id, ['kind', 'reasoning_id'].includes(name) ? 2 : 3)
    }
  })
})

describe('what is replayed', () => {
  test('is found of an entry that is copied to another place', async () => {
    const id = await writeLedger()
    const columns = 'kind, reasoning_id, content_hash, previous_hash, hash, signature, key_id, signed_at'
    await ask(
      `insert into ledger_entries select tenant_id, 11, ${columns} from ledger_entries where tenant_id = $1 and sequence = 10`,
      [id],
    )
    await expectInvalid(id, 11, /not what its hash says/)
    const twice = await writeLedger()
    await ask('insert into ledger_entries select * from ledger_entries where tenant_id = $1 and sequence = 4', [twice])
    expect(await ledgers.verify(twice)).toMatchObject({
      valid: false,
      firstInvalid: 4,
      reason: 'Entry 4 is there twice.',
    })
  })

  test("is found of a whole ledger under another tenant's name", async () => {
    const id = await writeLedger()
    const other = newLedgerId()
    for (const table of ['ledger_entries', 'ledger_heads', 'ledger_keys', 'reasoning_traces', 'reasoning_tags']) {
      await ask(
        `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object('tenant_id', $2::text))).*
         from ${table} t where tenant_id = $1`,
        [id, other],
      )
    }
    await expectInvalid(other, 1, /written for another place/)
  })

  test('is found of a former key that signs again', async () => {
    const id = newLedgerId()
    await ledgers.append(id, stored('a'))
    const [before] = await ask('select * from ledger_keys where tenant_id = $1', [id])
    await ledgers.rotate(id)
    await ledgers.append(id, stored('b'))
    // As if its private half had been kept: the row of before in the place of what is retired.
    await ask('update ledger_keys set sealed_key = $2 where tenant_id = $1 and id = $3', [
      id,
      before.sealed_key,
      before.id,
    ])
    await expectInvalid(id, null, /other times/)
  })
})
