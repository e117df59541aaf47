import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CreateApiKeyDocument,
  DeleteReasoningDocument,
  ReasoningTraceDocument,
  StoreReasoningDocument,
  VerifyLedgerDocument,
} from './generated/documents.ts'
import { createGraphQLClient } from './harness/graphql-client.ts'
import { runTool } from './harness/ledger.ts'
import { createPrograms, type Programs } from './harness/program.ts'
import { sendRaw } from './harness/raw-http.ts'
import { reasoning, storeReasoning } from './harness/reasoning.ts'
import { makeTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

const path = '/.well-known/tracemend-ledger.json'

interface WellKnown {
  format: string
  keys: { kid: string; kty: 'OKP'; crv: 'Ed25519'; x: string; createdAt: string; retiredAt: string | null }[]
}

describe('the ledger, as a client sees it', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await startTestApp()
  })
  afterAll(() => app.close())

  const publicKeys = async (query = ''): Promise<WellKnown> => (await fetch(`${app.url}${path}${query}`)).json()

  test('signs each record in the order in which it was stored, and who stored it gets the receipt', async () => {
    const tenant = await makeTenant(app)
    const first = await storeReasoning(tenant.client)
    const second = await storeReasoning(tenant.client)
    expect(first.ledger).toMatchObject({ sequence: 1, previousHash: '0'.repeat(64), signedAt: first.createdAt })
    expect(second.ledger).toMatchObject({ sequence: 2, previousHash: first.ledger.hash, keyId: first.ledger.keyId })
    const { reasoningTrace } = await tenant.client.ask(ReasoningTraceDocument, { id: second.id })
    expect(reasoningTrace?.ledger).toEqual({ sequence: 2 })
    const { createApiKey } = await tenant.client.ask(CreateApiKeyDocument, {
      input: { name: 'writer', scopes: ['INGEST'] },
    })
    const writer = app.client(createApiKey.secret)
    expect(
      (await writer.send(StoreReasoningDocument, { input: reasoning() })).data?.storeReasoning?.ledger,
    ).toMatchObject({
      sequence: 3,
    })
  })

  test('can be checked by hand: canonical content, canonical entry, a key that anybody may have', async () => {
    const tenant = await makeTenant(app)
    const { id, ledger } = await storeReasoning(tenant.client, { id: 'by hand', tags: ['b', 'a', 'b'] })
    const content =
      '{"agent":null,"context":{"filesRead":[],"keyFacts":[]},' +
      '"decision":{"outputRef":null,"summary":"Offer an upgrade","type":"DECISION"},' +
      '"format":"tracemend-reasoning/1","id":"by hand","parentId":null,' +
      '"reasoning":{"alternativesConsidered":[],"conclusion":"The limit is near.","confidence":null,"hypothesis":null,' +
      '"observations":["87 of 100 calls were used today"]},' +
      '"sessionId":null,"spanId":null,"tags":["b","a"],"traceId":null}'
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
    expect(ledger.contentHash).toBe(sha256(content))
    const { contentHash, keyId, previousHash, sequence, signedAt } = ledger
    const entry =
      `{"contentHash":"${contentHash}","format":"tracemend-ledger/1","keyId":"${keyId}","kind":"STORED",` +
      `"ledger":"${tenant.id}","previousHash":"${previousHash}","reasoningId":"${id}","sequence":${sequence},` +
      `"signedAt":"${signedAt}"}`
    expect(ledger.hash).toBe(sha256(entry))
    const { format, keys } = await publicKeys(`?kid=${keyId}`)
    expect(format).toBe('tracemend-ledger/1')
    const [{ kty, crv, x, kid } = { kty: '', crv: '', x: '', kid: '' }] = keys
    expect([kid, keys.length]).toEqual([keyId, 1])
    const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
    expect(verify(null, Buffer.from(entry), key, Buffer.from(ledger.signature, 'base64'))).toBe(true)
  })

  test('verifies in pages after records were deleted, and finds a record that somebody changed', async () => {
    const tenant = await makeTenant(app)
    const kept = await storeReasoning(tenant.client, { id: 'kept' })
    await storeReasoning(tenant.client, { id: 'gone' })
    await tenant.client.ask(DeleteReasoningDocument, { id: 'gone' })
    const { verifyLedger } = await tenant.client.ask(VerifyLedgerDocument)
    expect(verifyLedger).toMatchObject({
      valid: true,
      checked: 3,
      firstInvalid: null,
      reason: null,
      endCursor: null,
      head: { sequence: 3 },
      publicKeys: [{ kid: kept.ledger.keyId, use: 'sig', retiredAt: null }],
    })
    const { pool, close } = await poolOf(app)
    try {
      await pool.query(`update reasoning_traces set conclusion = 'No limit.' where tenant_id = $1 and id = 'kept'`, [
        tenant.id,
      ])
    } finally {
      await close()
    }
    expect((await tenant.client.ask(VerifyLedgerDocument)).verifyLedger).toMatchObject({
      valid: false,
      checked: 0,
      firstInvalid: 1,
      reason: 'The content of the record "kept" is not what entry 1 signs.',
    })
  })

  test('is verified of the own tenant alone, by who may read, from a cursor of its own', async () => {
    const [tenant, other] = [await makeTenant(app), await makeTenant(app)]
    await storeReasoning(other.client)
    expect((await tenant.client.ask(VerifyLedgerDocument)).verifyLedger).toMatchObject({ valid: true, head: null })
    for (const after of ['', 'x', 'WzFd', 'WzEsIngiXQ']) {
      const refusal = await tenant.client.refusal(VerifyLedgerDocument, { after })
      expect(refusal.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' })
    }
  })

  test('serves its public keys to anybody, and nothing of whose they are', async () => {
    const tenant = await makeTenant(app)
    const { ledger } = await storeReasoning(tenant.client)
    const answer = await sendRaw({ url: `${app.url}${path}`, method: 'GET' })
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'public, max-age=60',
        'access-control-allow-origin': '*',
      },
    })
    const { keys } = JSON.parse(answer.text) as WellKnown
    expect(keys[0]).toMatchObject({ kid: ledger.keyId, kty: 'OKP', crv: 'Ed25519', use: 'sig', retiredAt: null })
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['createdAt', 'crv', 'kid', 'kty', 'retiredAt', 'use', 'x'])
    expect(keys.map(({ createdAt }) => createdAt)).toEqual(
      keys
        .map(({ createdAt }) => createdAt)
        .sort()
        .reverse(),
    )
    for (const said of [tenant.id, tenant.slug]) expect(answer.text).not.toContain(said)
    expect((await publicKeys('?kid=%00')).keys).toEqual([])

    const head = await sendRaw({ url: `${app.url}${path}`, method: 'HEAD' })
    expect([head.status, head.text, head.headers['content-length']]).toEqual([
      200,
      '',
      answer.headers['content-length'],
    ])
    const post = await sendRaw({ url: `${app.url}${path}`, method: 'POST' })
    expect([post.status, post.headers.allow, post.error?.extensions]).toMatchObject([
      400,
      'GET, HEAD',
      { code: 'INVALID_INPUT', field: 'method' },
    ])
  })

  test('has a key of the default tenant from the first start on', async () => {
    const { verifyLedger } = await app.client().ask(VerifyLedgerDocument)
    expect(verifyLedger).toMatchObject({ valid: true, checked: 0, head: null, publicKeys: [{ retiredAt: null }] })
  })
})

/** As its owner comes to the database. */
async function poolOf({ backend }: TestApp) {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: backend.database.url })
  return { pool, close: () => pool.end() }
}

/** `npm start` with nothing set, and beside it what the operator does. */
describe.skipIf(process.env.TEST_WITH === 'redis')('the ledger of a data folder', { timeout: 120_000 }, () => {
  let programs: Programs
  let folder: string

  beforeAll(async () => {
    programs = await createPrograms()
    folder = await mkdtemp(join(tmpdir(), 'tracemend-export-'))
  })
  afterAll(async () => {
    await programs.end()
    await rm(folder, { recursive: true })
  })

  const runLedger = (...given: string[]) => runTool('scripts/ledger.ts', given, { TRACEMEND_DATA: programs.dataFolder })
  const runVerifier = (...given: string[]) => runTool('examples/verify-ledger.ts', given)

  test('is rotated and exported while the server runs, and while it does not', async () => {
    const server = programs.start()
    const client = createGraphQLClient(await server.address(), server.firstKey())
    const { ledger } = await storeReasoning(client)
    const head = await runLedger('head')
    expect(head).toEqual({ code: 0, stdout: `1:${ledger.hash}\n`, stderr: '' })
    expect(await runLedger('rotate')).toMatchObject({ code: 0, stderr: '' })
    const after = await storeReasoning(client)
    expect(after.ledger.keyId).not.toBe(ledger.keyId)
    expect((await client.ask(VerifyLedgerDocument)).verifyLedger).toMatchObject({ valid: true, checked: 2 })
    const file = join(folder, 'running.jsonl')
    expect(await runLedger('export', file)).toMatchObject({ code: 0 })
    expect(await runVerifier(file, '--head', head.stdout.trim())).toMatchObject({ code: 0, stderr: '' })
    expect(await server.stop()).toBe(0)

    expect(await runLedger('head')).toEqual({ code: 0, stdout: `2:${after.ledger.hash}\n`, stderr: '' })
    expect(await runLedger('rotate', '--tenant', 'default')).toMatchObject({ code: 0, stderr: '' })
    const again = programs.start()
    const client2 = createGraphQLClient(await again.address(), server.firstKey())
    const third = await storeReasoning(client2)
    expect(third.ledger).toMatchObject({ sequence: 3, previousHash: after.ledger.hash })
    expect((await client2.ask(VerifyLedgerDocument)).verifyLedger.publicKeys).toHaveLength(3)
    expect(await again.stop()).toBe(0)
    const later = join(folder, 'stopped.jsonl')
    expect(await runLedger('export', later)).toMatchObject({ code: 0 })
    expect(await runVerifier(later, '--head', head.stdout.trim())).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('3 entries: 3 records stored, 0 of them deleted'),
    })
  })
})
