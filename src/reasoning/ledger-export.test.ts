import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../test/harness/database.ts'
import {
  deleted,
  type Ledgers,
  ledgerSecret,
  newLedgerId,
  openLedgers,
  runTool,
  stored,
} from '../../test/harness/ledger.ts'
import { appendEntry, hashOf, type LedgerEntry, mintLedgerKey, webKeyOf } from './ledger.ts'

let database: TestDatabase
let ledgers: Ledgers
let folder: string
let env: Record<string, string>
/** 1 a, 2 b, 3 c, 4 -b | 5 d, 6 e, 7 -d; with more than is read at once before them in the other. */
const small = { id: newLedgerId(), slug: 'small' }
const large = { id: newLedgerId(), slug: 'large' }
let lines: string[]

beforeAll(async () => {
  database = await createDatabase()
  ledgers = openLedgers(database.url)
  folder = await mkdtemp(join(tmpdir(), 'tracemend-ledger-'))
  env = { DATABASE_URL: database.url, TRACEMEND_SECRET: ledgerSecret.toString('base64') }
  for (const { id, slug } of [small, large]) {
    await ledgers.pool.query('insert into tenants (id, slug, name) values ($1, $2, $2)', [id, slug])
  }
  await ledgers.append(small.id, stored('a'), stored('b', { confidence: null, tags: [] }), stored('c'), deleted('b'))
  await ledgers.rotate(small.id)
  await ledgers.append(small.id, stored('d'), stored('e', { parentId: 'c' }), deleted('d'))
  const names = Array.from({ length: 120 }, (_, index) => `r${index}`)
  await ledgers.append(large.id, ...names.map((name) => stored(name)), ...names.slice(40, 60).map(deleted))
  lines = await exported(small.slug)
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await ledgers.end()
  await database.drop()
})

let files = 0
const newFile = () => join(folder, `ledger-${files++}.jsonl`)

const runLedger = (...given: string[]) => runTool('scripts/ledger.ts', given, env)
const runVerifier = (...given: string[]) => runTool('examples/verify-ledger.ts', given)

async function exported(slug: string): Promise<string[]> {
  const file = newFile()
  const ran = await runLedger('export', file, '--tenant', slug)
  expect(ran).toMatchObject({ code: 0, stdout: '' })
  return (await readFile(file, 'utf8')).trimEnd().split('\n')
}

async function verifyLines(given: readonly string[], ...more: string[]) {
  const file = newFile()
  await writeFile(file, `${given.join('\n')}\n`)
  return runVerifier(file, ...more)
}

type Line = Record<string, unknown>
const parsed = (line: number): Line => JSON.parse(lines[line] ?? '')
/** The lines with one that says something else; 0 is the header, and each entry stands in the line of its sequence. */
function changed(line: number, change: (said: Line) => Line): string[] {
  return lines.with(line, JSON.stringify(change(parsed(line))))
}

describe('a file', () => {
  test('has a header, and a line for each entry with the text that was hashed', () => {
    expect(parsed(0)).toMatchObject({
      format: 'tracemend-ledger/1',
      ledger: small.id,
      exportedAt: expect.stringMatching(/Z$/),
      keys: [{ kty: 'OKP', kid: expect.stringMatching(/^lk_/) }, { retiredAt: null }],
      head: { sequence: 7, hash: parsed(7).hash },
    })
    expect(lines).toHaveLength(8)
    const entries = lines.slice(1).map((line) => JSON.parse(line))
    expect(entries.map(({ sequence, kind, reasoningId }) => [sequence, kind, reasoningId])).toEqual([
      ...[
        [1, 'STORED', 'a'],
        [2, 'STORED', 'b'],
        [3, 'STORED', 'c'],
        [4, 'DELETED', 'b'],
      ],
      ...[
        [5, 'STORED', 'd'],
        [6, 'STORED', 'e'],
        [7, 'DELETED', 'd'],
      ],
    ])
    for (const { kind, content, contentHash, reasoningId } of entries) {
      const isThere = kind === 'STORED' && !['b', 'd'].includes(reasoningId)
      expect(content === null).toBe(!isThere)
      if (isThere) expect(hashOf(content)).toBe(contentHash)
    }
    expect(lines.join()).not.toContain('Retry b')
  })

  test('is verified without us, and says what was found and what to keep', async () => {
    const { code, stdout } = await verifyLines(lines)
    const { kid } = (parsed(0).keys as { kid: string }[])[1] ?? { kid: '' }
    expect(stdout).toMatch(
      /^VALID {4}7 entries: 5 records stored, 2 of them deleted\nfrom {5}2\S+Z\nto {7}2\S+Z\nkeys {5}lk_/,
    )
    expect(stdout).toContain(kid)
    expect(stdout).toContain(`--head 7:${parsed(7).hash}`)
    expect(code).toBe(0)
    expect(await verifyLines(await exported(large.slug))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^VALID {4}140 entries: 120 records stored, 20 of them deleted\n/),
    })
  })

  test('of a ledger without an entry is valid, too', async () => {
    const id = newLedgerId()
    await ledgers.pool.query(`insert into tenants (id, slug, name) values ($1, 'empty', 'Empty')`, [id])
    const empty = await exported('empty')
    expect(empty).toHaveLength(1)
    expect(await verifyLines(empty)).toMatchObject({ code: 0, stdout: 'VALID    The ledger is empty.\n' })
    const head = `1:${'0'.repeat(64)}`
    expect(await verifyLines(empty, '--head', head)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/rewritten/),
    })
  })
})

describe('a file that was changed', () => {
  const flipped = (text: unknown) => String(text).replace(/[0-9a-zA-Z]/, (letter) => (letter === '1' ? '2' : '1'))
  const dropped = (...gone: number[]) => lines.filter((_, line) => !gone.includes(line))
  const withHead = (given: string[], line: number) => {
    const { sequence, hash, signedAt } = parsed(line)
    return given.with(0, JSON.stringify({ ...parsed(0), head: { sequence, hash, signedAt } }))
  }

  /** Each file, and what the verifier says of it. */
  async function expectInvalid(given: [what: string, file: readonly string[], reason: RegExp][]): Promise<void> {
    // Two at once: each is a process of its own.
    const left = given.values()
    const runs = [1, 2].map(async () => {
      for (const [what, file, reason] of left) {
        const { code, stdout } = await verifyLines(file)
        expect({ what, code, stdout }).toEqual({ what, code: 1, stdout: expect.stringMatching(reason) })
      }
    })
    await Promise.all(runs)
  }

  test('in any value of an entry is found', async () => {
    const names = Object.keys(parsed(3))
    expect(names.sort()).toEqual(
      ['contentHash', 'hash', 'keyId', 'kind', 'previousHash', 'reasoningId', 'sequence', 'signature', 'signedAt']
        .concat('content')
        .sort(),
    )
    const reasons: Record<string, RegExp> = {
      sequence: /^INVALID {2}Entry 3 is missing/,
      signature: /^INVALID {2}The signature of entry 3 /,
      content: /^INVALID {2}The content of entry 3 /,
    }
    await expectInvalid(
      names.map((name) => {
        const value = (said: Line) => (name === 'sequence' ? 4 : flipped(said[name]))
        const file = changed(3, (said) => ({ ...said, [name]: value(said) }))
        return [name, file, reasons[name] ?? /^INVALID {2}Entry 3 is not what its hash says/]
      }),
    )
  }, 120_000)

  test('in its header is found', async () => {
    const keys = () => parsed(0).keys as Line[]
    const withKeys = (change: (key: Line) => Line) =>
      changed(0, (said) => ({ ...said, keys: [change(keys()[0] ?? {}), ...keys().slice(1)] }))
    const head = parsed(0).head as Line
    const other = mintLedgerKey()
    await expectInvalid([
      ['format', changed(0, (said) => ({ ...said, format: 'tracemend-ledger/2' })), /this reads tracemend-ledger\/1/],
      ['ledger', changed(0, (said) => ({ ...said, ledger: 'tn_other' })), /Entry 1 is not what its hash says/],
      ['kid', withKeys((key) => ({ ...key, kid: flipped(key.kid) })), /is not the one that its id says/],
      ['x', withKeys((key) => ({ ...key, x: webKeyOf(other.publicKey).x })), /is not the one that its id says/],
      [
        'another key',
        withKeys((key) => ({ ...key, kid: other.keyId, x: webKeyOf(other.publicKey).x })),
        /Entry 1 is signed with lk_\w+, which is not among the keys/,
      ],
      [
        'retired before',
        withKeys((key) => ({ ...key, retiredAt: '2026-01-01T00:00:00.000Z' })),
        /Entry 1 is signed with lk_\w+, which was replaced before/,
      ],
      ['no head', changed(0, (said) => ({ ...said, head: null })), /last entry is 0; it ends with 7/],
      ['head hash', changed(0, (said) => ({ ...said, head: { ...head, hash: hashOf('') } })), /last entry is 7/],
      ['head time', changed(0, (said) => ({ ...said, head: { ...head, signedAt: 'x' } })), /last entry is 7/],
    ])
  }, 120_000)

  test('by what nobody signs beside what is signed is found', async () => {
    const [key, ...others] = parsed(0).keys as Line[]
    const beside = (change: object) => changed(0, (said) => ({ ...said, ...change }))
    const twice = (line: number, name: string) =>
      lines.with(line, (lines[line] ?? '').replace('{', `{"${name}":"\u0061",`))
    await expectInvalid([
      ['a header', beside({ owner: 'me' }), /^INVALID {2}The header should have: exportedAt .+ It has: .+ owner/],
      ['no time', beside({ exportedAt: undefined }), /The header should have/],
      ['a key', beside({ keys: [{ ...key, alg: 'none' }, ...others] }), /The key should have/],
      ['a key twice', beside({ keys: [key, ...others, key] }), /^INVALID {2}The key lk_\w+ is there twice/],
      ['another use', beside({ keys: [{ ...key, use: 'enc' }, ...others] }), /is none of Ed25519 for signatures/],
      ['another curve', beside({ keys: [{ ...key, crv: 'X25519' }, ...others] }), /is none of Ed25519/],
      ['a head', beside({ head: { ...(parsed(0).head as Line), by: 'me' } }), /The head should have/],
      ['an entry', changed(3, (said) => ({ ...said, note: 'x' })), /^INVALID {2}The entry should have: .+ note/],
      ['a prototype', lines.with(3, (lines[3] ?? '').replace('{', '{"__proto__":{},')), /The entry should have/],
      ['a name twice', twice(3, 'content'), /^INVALID {2}This is not written as it was exported: /],
      ['a name of the header twice', twice(0, 'ledger'), /This is not written as it was exported/],
    ])
  }, 120_000)

  test('by lines that are dropped, swapped, put in or said again is found', async () => {
    const forger = mintLedgerKey()
    const last = parsed(7) as unknown as LedgerEntry
    const said = { kind: 'STORED', reasoningId: 'f', contentHash: hashOf('{"id":"f"}') } as const
    const from = { ...last, signedAt: new Date(last.signedAt) }
    const forged = appendEntry(small.id, from, said, {
      signer: { keyId: last.keyId, privateKey: forger.privateKey },
      now: new Date(),
    })
    await expectInvalid([
      ...[1, 2, 4, 6].map((gone): [string, string[], RegExp] => {
        return [`without ${gone}`, dropped(gone), new RegExp(`Entry ${gone} is missing`)]
      }),
      ['without the last', dropped(7), /The content of entry 5 is gone, and no entry says that "d" was deleted/],
      ['without the end', dropped(5, 6, 7), /last entry is 7; it ends with 4/],
      [
        'two entries swapped',
        [...lines.slice(0, 3), lines[4] ?? '', lines[3] ?? '', ...lines.slice(5)],
        /Entry 3 is missing/,
      ],
      ['an entry again', [...lines, lines[7] ?? ''], /Entry 8 is missing/],
      [
        'an entry elsewhere',
        [...lines, JSON.stringify({ ...parsed(6), sequence: 8 })],
        /Entry 8 is not what its hash says/,
      ],
      ['a forged one', [...lines, JSON.stringify({ ...forged, content: '{"id":"f"}' })], /The signature of entry 8 /],
      ['contents swapped', changed(1, (line) => ({ ...line, content: parsed(3).content })), /The content of entry 1 /],
      ['content gone', changed(1, (line) => ({ ...line, content: null })), /no entry says that "a" was deleted/],
      ['content back', changed(2, (line) => ({ ...line, content: parsed(1).content })), /The content of entry 2 /],
      ['half a line', lines.with(7, (lines[7] ?? '').slice(0, 100)), /This is no JSON/],
      ['nothing', [], /no JSON|is empty/],
    ])
  }, 120_000)

  test('by cutting off its end, header and all, is found by a head that was kept, and by nothing else', async () => {
    const cut = withHead(dropped(5, 6, 7), 4)
    expect(await verifyLines(cut)).toMatchObject({ code: 0 })
    const kept = `6:${parsed(6).hash}`
    expect(await verifyLines(cut, '--head', kept)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^INVALID {2}The past was rewritten: there was an entry 6, and the file ends before it/,
      ),
    })
    expect(await verifyLines(lines, '--head', kept)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('heads    1,'),
    })
  })

  test('by whoever has the keys, who can sign another past, is found by a head that was kept', async () => {
    const kept = `3:${parsed(3).hash}`
    const rebuilt = newLedgerId()
    await ledgers.pool.query(`insert into tenants (id, slug, name) values ($1, 'rebuilt', 'Rebuilt')`, [rebuilt])
    await ledgers.append(rebuilt, stored('a'), stored('b'), stored('c'))
    const before = JSON.parse((await exported('rebuilt'))[3] ?? '')
    await ledgers.pool.query('delete from ledger_entries where tenant_id = $1', [rebuilt])
    await ledgers.pool.query('delete from ledger_heads where tenant_id = $1', [rebuilt])
    for (const table of ['reasoning_traces', 'reasoning_tags', 'reasoning_due']) {
      await ledgers.pool.query(`delete from ${table} where tenant_id = $1`, [rebuilt])
    }
    await ledgers.append(rebuilt, stored('a'), stored('b', { conclusion: 'We never knew.' }), stored('c'))
    expect(await ledgers.verify(rebuilt)).toMatchObject({ valid: true, checked: 3 })
    const file = await exported('rebuilt')
    expect(await verifyLines(file)).toMatchObject({ code: 0 })
    for (const head of [`3:${before.hash}`, kept]) {
      expect(await verifyLines(file, '--head', head)).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^INVALID {2}The past was rewritten: entry 3 was /),
      })
    }
  })

  test('to be signed by other keys is found by the keys that are known', async () => {
    const kids = (parsed(0).keys as { kid: string }[]).flatMap(({ kid }) => ['--key', kid])
    expect(await verifyLines(lines, ...kids)).toMatchObject({ code: 0 })
    expect(await verifyLines(lines, ...kids.slice(0, 2))).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^INVALID {2}Entry 5 is signed with lk_\w+, which is not among the keys/),
    })
  })
})

test('npm run embed says what it does, and takes nothing else', async () => {
  for (const given of ['--help', '-h']) {
    const { code, stdout, stderr } = await runTool('scripts/embed.ts', [given], env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Makes vectors .+\n\n {2}npm run embed\n/)
  }
  expect(await runTool('scripts/embed.ts', ['all'], env)).toMatchObject({ code: 1, stdout: '' })
}, 60_000)

describe('npm run ledger', () => {
  test('prints a head as the verifier takes it, and the whole ledger where there is no file', async () => {
    const { stdout } = await runLedger('head', '--tenant', small.slug)
    expect(stdout).toBe(`7:${parsed(7).hash}\n`)
    expect(await verifyLines(lines, '--head', stdout.trim())).toMatchObject({ code: 0 })
    const printed = await runLedger('export', '--tenant', small.slug)
    expect(printed.stdout.trimEnd().split('\n').slice(1)).toEqual(lines.slice(1))
  })

  test('writes a file that its owner alone may read, whatever was there before', async () => {
    const file = newFile()
    for (const path of [file, `${file}.unfinished`]) {
      await writeFile(path, 'old')
      await chmod(path, 0o644)
    }
    expect(await runLedger('export', file, '--tenant', small.slug)).toMatchObject({ code: 0 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readFile(file, 'utf8')).split('\n').slice(1, -1)).toEqual(lines.slice(1))
    await expect(stat(`${file}.unfinished`)).rejects.toThrow('ENOENT')
  })

  test('rotates the key of one tenant, or of all, and what was signed stays valid', async () => {
    const keysOf = async (id: string) => (await ledgers.verify(id)).publicKeys.map(({ kid }) => kid)
    const [before] = await keysOf(large.id)
    const one = await runLedger('rotate', '--tenant', large.slug)
    const [, now] = await keysOf(large.id)
    expect(one.stdout).toMatch(new RegExp(`^${large.id} {2}${before} -> ${now} .+\nrotated 1 key`))
    const untouched = await keysOf(small.id)
    const all = await runLedger('rotate')
    expect(all.stdout).toContain(`${small.id}  ${untouched.at(-1)} -> `)
    expect(await keysOf(large.id)).toHaveLength(3)
    await ledgers.append(large.id, stored('after'))
    const verified = await ledgers.verifyAll(large.id)
    expect(verified).toMatchObject({ valid: true, checked: 141, head: { keyId: verified.publicKeys[2]?.kid } })
    expect(await verifyLines(await exported(large.slug))).toMatchObject({ code: 0 })
  })

  test('says how it is called, and what is not there', async () => {
    const { code, stdout } = await runLedger('--help')
    expect(code).toBe(0)
    for (const said of ['npm run ledger -- rotate', 'npm run --silent ledger -- head']) expect(stdout).toContain(said)
    for (const given of [[], ['verify'], ['rotate', 'x'], ['export', 'a', 'b'], ['head', '--slug', 'x']]) {
      const { code, stderr } = await runLedger(...given)
      expect({ given, code, stderr }).toEqual({
        given,
        code: 2,
        stderr: expect.stringContaining('npm run ledger -- export'),
      })
    }
    const unknown = await runLedger('head', '--tenant', 'nobody')
    expect(unknown).toEqual({ code: 1, stdout: '', stderr: 'There is no tenant "nobody".\n' })
    const nowhere = await runLedger('export', join(folder, 'no', 'file'), '--tenant', small.slug)
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringMatching(/can't be written: ENOENT/) })
    const nothing = await runTool('scripts/ledger.ts', ['head'], { TRACEMEND_DATA: join(folder, 'none') })
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringMatching(/^There is no data in .+npm start/) })
  }, 120_000)

  test('the verifier says how it is called', async () => {
    for (const given of [[], ['a', 'b'], ['a', '--head', '7'], ['a', '--nothing']]) {
      expect(await runVerifier(...given)).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: npx tsx') })
    }
    for (const given of [['--help'], ['-h'], ['a', '--help']]) {
      const { code, stdout, stderr } = await runVerifier(...given)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain('Usage: npx tsx examples/verify-ledger.ts FILE')
      expect(stdout).toContain('--head SEQ:HASH')
    }
    expect(await runVerifier(join(folder, 'none'))).toMatchObject({ code: 2, stderr: expect.stringMatching(/^ENOENT/) })
  })
})
