import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import { deleted, type Ledgers, ledgerSecret, newLedgerId, openLedgers, stored } from '../../test/harness/ledger.ts'
import { createSecretBox } from '../infra/secret-box.ts'
import { createLedgerRepository } from './ledger.repository.ts'
import { createLedgerKeyRepository } from './ledger-key.repository.ts'
import { createLedgerKeyBox } from './ledger-key.service.ts'
import type { Change } from './reasoning-append.ts'

let database: TestDatabase
let ledgers: Ledgers

beforeAll(async () => {
  database = await createDatabase()
  ledgers = openLedgers(database.url)
})
afterAll(async () => {
  await ledgers.end()
  await database.drop()
})

const keyBox = createLedgerKeyBox({ secretBox: createSecretBox(ledgerSecret) })

async function sequencesOf(id: string): Promise<number[]> {
  const { rows } = await ledgers.pool.query(
    'select sequence from ledger_entries where tenant_id = $1 order by sequence',
    [id],
  )
  return rows.map(({ sequence }) => sequence)
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('writers at once', () => {
  test('from several pools keep one unbroken order, while keys are rotated and others verify', async () => {
    const id = newLedgerId()
    const others = await Promise.all(upTo(4).map(() => openLedgers(database.url)))
    const writers = others.flatMap((each, pool) =>
      upTo(25).map(async (index) => {
        const name = `${pool}/${index}`
        await each.append(id, stored(name), stored(`${name}+`, { parentId: name }))
        if (index % 3 === 0) await each.append(id, deleted(name))
        if (index % 10 === 0) await each.rotate(id)
        if (index % 5 === 0) expect(await each.verifyAll(id)).toMatchObject({ valid: true, reason: null })
      }),
    )
    await Promise.all(writers)
    await Promise.all(others.map((each) => each.end()))
    expect(await sequencesOf(id)).toEqual(upTo(4 * (50 + 8)))
    const verified = await ledgers.verifyAll(id)
    expect(verified).toMatchObject({ valid: true, checked: 232, head: { sequence: 232 } })
    expect(verified.publicKeys).toHaveLength(9)
    const { rows } = await ledgers.pool.query(
      'select count(distinct key_id)::int as used from ledger_entries where tenant_id = $1',
      [id],
    )
    expect(rows[0].used).toBeGreaterThan(1)
  })

  test('begin a ledger once', async () => {
    const id = newLedgerId()
    await Promise.all(upTo(10).map((index) => ledgers.append(id, stored(String(index)))))
    expect(await ledgers.verify(id)).toMatchObject({ valid: true, checked: 10, publicKeys: [{ retiredAt: null }] })
  })

  test('are each valid, whatever is stored, deleted and rotated in whichever order', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd')
    const change: fc.Arbitrary<Change> = fc.oneof(
      fc.tuple(name, fc.option(name)).map(([id, parentId]) => stored(id, { parentId })),
      name.map(deleted),
    )
    const step = fc.oneof({ weight: 4, arbitrary: fc.array(change, { minLength: 1, maxLength: 5 }) }, fc.constant(null))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const id = newLedgerId()
        for (const changes of steps) {
          if (changes === null) await ledgers.rotate(id)
          else await ledgers.append(id, ...changes)
          expect(await ledgers.verify(id)).toMatchObject({ valid: true, reason: null })
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('pages', () => {
  const count = 2_300
  let id: string

  beforeAll(async () => {
    id = newLedgerId()
    for (let from = 0; from < count; from += 100) {
      await ledgers.append(id, ...upTo(100).map((index) => stored(String(from + index))))
      if (from === 1_000) await ledgers.rotate(id)
    }
  })

  test('go on from one another until the end', async () => {
    const first = await ledgers.verify(id)
    expect(first).toMatchObject({ valid: true, checked: 1_000, head: { sequence: count } })
    expect(first.endCursor).toEqual(expect.any(String))
    expect(await ledgers.verifyAll(id)).toMatchObject({ valid: true, checked: count, pages: 3, endCursor: null })
  })

  test('find what was deleted on another page, and what is wrong on theirs alone', async () => {
    const last = await ledgers.append(id, deleted('1500'), deleted('2'), stored('last'))
    expect(last.map(({ kind }) => kind)).toEqual(['DELETED', 'DELETED', 'STORED'])
    expect(await ledgers.verifyAll(id)).toMatchObject({ valid: true, checked: count + 3 })
    const { endCursor } = await ledgers.verify(id)
    const write = (conclusion: string) =>
      ledgers.pool.query(`update reasoning_traces set conclusion = $2 where tenant_id = $1 and id = '1700'`, [
        id,
        conclusion,
      ])
    await write('Something else.')
    expect(await ledgers.verify(id)).toMatchObject({ valid: true, checked: 1_000 })
    const wrong = { valid: false, firstInvalid: 1_700, checked: 699, endCursor: null }
    expect(await ledgers.verify(id, endCursor)).toMatchObject(wrong)
    await write('Try it again.')
    expect(await ledgers.verify(id, endCursor)).toMatchObject({ valid: true })
  })

  test('notice when what they follow was changed since, or is gone', async () => {
    const { endCursor } = await ledgers.verify(id)
    const at = (set: string) =>
      ledgers.pool.query(`update ledger_entries set ${set} where tenant_id = $1 and sequence in (1000, -1000)`, [id])
    await at(`key_id = key_id || 'x'`)
    const past = { valid: false, checked: 0, firstInvalid: 1_000 }
    expect(await ledgers.verify(id, endCursor)).toMatchObject({
      ...past,
      reason: expect.stringMatching(/another one now/),
    })
    await at(`key_id = rtrim(key_id, 'x'), sequence = -1000`)
    expect(await ledgers.verify(id, endCursor)).toMatchObject({ ...past, reason: expect.stringMatching(/is gone/) })
    await at('sequence = 1000')
    expect(await ledgers.verify(id, endCursor)).toMatchObject({ valid: true })
  })

  test('refuse a cursor that none of them gave, and that of another ledger', async () => {
    const { endCursor } = await ledgers.verify(id)
    const refusal = { code: 'INVALID_INPUT', details: { field: 'after' } }
    for (const cursor of ['', 'x', `${endCursor}x`, Buffer.from('[1000,"x","y"]').toString('base64url'), 'WzFd']) {
      await expect(ledgers.verify(id, cursor)).rejects.toMatchObject(refusal)
    }
    await expect(ledgers.verify(newLedgerId(), endCursor)).rejects.toMatchObject(refusal)
  })
})

describe('the keys of a ledger', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = new pg.Pool({ connectionString: database.url })
  })
  afterAll(() => pool.end())

  test('begin with one, however often it is asked for', async () => {
    const id = newLedgerId()
    const keys = createLedgerKeyRepository(pool)
    await Promise.all(upTo(5).map(() => keys.ensureKey(id, keyBox)))
    const { publicKeys } = await ledgers.verify(id)
    expect(publicKeys).toHaveLength(1)
    await ledgers.append(id, stored('a'))
    expect(await ledgers.verify(id)).toMatchObject({ valid: true, head: { keyId: publicKeys[0]?.kid }, publicKeys })
  })

  test('are stored encrypted, and without their private half as soon as they are replaced', async () => {
    const id = newLedgerId()
    await ledgers.append(id, stored('a'))
    const sealed = async () =>
      (
        await pool.query(
          'select id, public_key, sealed_key from ledger_keys where tenant_id = $1 order by created_at',
          [id],
        )
      ).rows
    const [before] = await sealed()
    expect(Buffer.from(before.sealed_key).toString('latin1')).not.toMatch(/lk_|privateKey|PRIVATE/)
    const open = createSecretBox(ledgerSecret)
    const { privateKey } = JSON.parse(open.open(before.sealed_key))
    expect(Buffer.from(privateKey, 'base64').subarray(-32)).toHaveLength(32)
    await ledgers.rotate(id)
    const [after, next] = await sealed()
    expect(JSON.parse(open.open(after.sealed_key))).toMatchObject({ id: before.id, privateKey: null })
    expect(() => keyBox.openKey({ ...after, publicKey: after.public_key, sealedKey: after.sealed_key })).toThrow(
      'retired',
    )
    const fresh = createLedgerKeyBox({ secretBox: open })
    const key = { id: next.id, publicKey: next.public_key, sealedKey: next.sealed_key }
    expect(fresh.openKey(key).keyId).toBe(next.id)
    const another = createLedgerKeyBox({ secretBox: createSecretBox(Buffer.alloc(32, 8)) })
    expect(() => another.openKey(key)).toThrow("can't be opened")
    expect(() => createLedgerKeyBox({ secretBox: open }).openKey({ ...key, publicKey: before.public_key })).toThrow(
      'public half',
    )
  })

  test('are listed of all tenants, newest first, and without whose they are', async () => {
    const keys = createLedgerKeyRepository(pool)
    const id = newLedgerId()
    await ledgers.append(id, stored('a'))
    const newest = await ledgers.rotate(id)
    const listed = await keys.listPublicKeys(2)
    expect(listed.map((key) => key.id)).toEqual([newest, expect.any(String)])
    expect(Object.keys(listed[0] ?? {}).sort()).toEqual(['createdAt', 'id', 'publicKey', 'retiredAt'])
    expect(await keys.listPublicKeys(10, listed[1]?.id)).toEqual([listed[1]])
    expect(await keys.listPublicKeys(10, 'lk_none')).toEqual([])
    const all = await keys.listLedgerIds('', 1_000)
    expect(all).toContain(id)
    expect(await keys.listLedgerIds(all.at(-2) ?? '', 5)).toEqual(all.slice(-1))
  })

  test('are rotated in order also where clocks are not: what comes later has the later time', async () => {
    const id = newLedgerId()
    await ledgers.append(id, stored('a'))
    // As if a machine whose clock is ahead had written before.
    const ahead = new Date(Date.now() + 60_000)
    await pool.query(`update ledger_keys set created_at = $2, sealed_key = $3 where tenant_id = $1`, [
      id,
      ahead,
      resealed(
        (await pool.query('select sealed_key from ledger_keys where tenant_id = $1', [id])).rows[0].sealed_key,
        ahead,
      ),
    ])
    await ledgers.rotate(id)
    await ledgers.append(id, stored('b'))
    await ledgers.rotate(id)
    await ledgers.append(id, stored('c'))
    expect(await ledgers.verify(id)).toMatchObject({ valid: true, checked: 3 })
  })
})

function resealed(sealedKey: Uint8Array, createdAt: Date): Uint8Array {
  const box = createSecretBox(ledgerSecret)
  return box.seal(JSON.stringify({ ...JSON.parse(box.open(sealedKey)), createdAt: createdAt.toISOString() }))
}

test('entries are found by the records that they store, of their tenant alone', async () => {
  const [one, other] = [newLedgerId(), newLedgerId()]
  await ledgers.append(one, stored('a'), stored('b'), deleted('b'))
  await ledgers.append(other, stored('c'))
  const found = await createLedgerRepository(ledgers.pool).findEntries(one, ['b', 'a', 'c', 'none'])
  expect(found.map(({ reasoningId, kind }) => [reasoningId, kind]).sort()).toEqual([
    ['a', 'STORED'],
    ['b', 'STORED'],
  ])
})
