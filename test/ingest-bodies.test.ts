import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TraceDocument, WholeTraceDocument } from './generated/documents.ts'
import { freshId, post } from './harness/ingest.ts'
import { sendRaw } from './harness/raw-http.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

const maxBytes = 10_485_760

let app: TestApp
let tenant: TestTenant

beforeAll(async () => {
  app = await startTestApp()
  tenant = await makeTenant(app)
})
afterAll(async () => {
  expect(app.log.lines.filter(({ level }) => level >= 50)).toEqual([])
  await app.close()
})

describe('the body of POST /ingest', () => {
  const headers = () => ({ authorization: `Bearer ${tenant.key}` })
  const sized = (id: string, bytes: number) => {
    const around = JSON.stringify({ traces: [{ id, output: '' }] })
    return around.replace('""', `"${'x'.repeat(bytes - around.length)}"`)
  }

  test('may have 10 MB, inflated, and not a byte more', async () => {
    const [plain, zipped, refused] = [freshId(), freshId(), freshId()]
    expect((await post(tenant.client, sized(plain, maxBytes))).body).toMatchObject({ accepted: 1 })
    const gzip = { 'content-encoding': 'gzip' }
    expect((await post(tenant.client, gzipSync(sized(zipped, maxBytes)), gzip)).body).toMatchObject({ accepted: 1 })
    const { trace } = await tenant.client.ask(WholeTraceDocument, { id: zipped })
    expect(String(trace?.output).length).toBeGreaterThan(maxBytes - 100)
    const tooLarge = [
      await sendRaw({ url: `${app.url}/ingest`, headers: headers(), body: sized(refused, maxBytes + 1) }),
      await sendRaw({
        url: `${app.url}/ingest`,
        headers: { ...headers(), ...gzip },
        body: gzipSync(sized(refused, maxBytes + 1)),
      }),
      await sendRaw({
        url: `${app.url}/ingest`,
        headers: { ...headers(), ...gzip },
        body: gzipSync(Buffer.alloc(300_000_000)),
      }),
    ]
    for (const { status, error } of tooLarge)
      expect({ status, code: error?.extensions.code }).toEqual({ status: 413, code: 'PAYLOAD_TOO_LARGE' })
    expect((await tenant.client.ask(TraceDocument, { id: refused })).trace).toBeNull()
  })

  test.each<[what: string, headers: Record<string, string>, body: Buffer]>([
    ['that is no gzip', { 'content-encoding': 'gzip' }, Buffer.from('{"traces":[]}')],
    ['whose gzip is cut off', { 'content-encoding': 'gzip' }, gzipSync('{"traces":[]}').subarray(0, -9)],
    ['that is squeezed in a way that we do not know', { 'content-encoding': 'br' }, Buffer.from('x')],
    [
      'in another encoding',
      { 'content-type': 'application/json; charset=utf-16' },
      Buffer.from('{"traces":[]}', 'utf16le'),
    ],
    ['with broken UTF-8', {}, Buffer.from([0x7b, 0xff, 0x7d])],
    ['with nothing in it', {}, Buffer.alloc(0)],
    ['of 5,000,000 brackets', {}, Buffer.alloc(5_000_000, '[')],
    ['of 100,000 pairs of brackets', {}, Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ])('%s is INVALID_INPUT', async (_, more, body) => {
    const { status, error } = await sendRaw({ url: `${app.url}/ingest`, headers: { ...headers(), ...more }, body })
    expect({ status, code: error?.extensions.code }).toEqual({ status: 400, code: 'INVALID_INPUT' })
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', 'nonsense'])(
    'is JSON whatever it is said to be: %s',
    async (type) => {
      const { status, body } = await post(tenant.client, { traces: [{ id: freshId() }] }, { 'content-type': type })
      expect({ status, accepted: body.accepted }).toEqual({ status: 200, accepted: 1 })
    },
  )

  test('that breaks off stores nothing, and the next one is as good as ever', async () => {
    const { port, hostname } = new URL(app.url)
    const ids = Array.from({ length: 20 }, () => freshId('cut'))
    for (const id of ids) {
      const body = JSON.stringify({ traces: [{ id }] })
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      const head = `POST /ingest HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tenant.key}\r\ncontent-length: ${body.length + 1}\r\n\r\n`
      await new Promise<void>((resolve) => socket.write(head + body, () => resolve()))
      socket.destroy()
    }
    const after = freshId()
    await post(tenant.client, { traces: [{ id: after }] })
    expect((await tenant.client.ask(TraceDocument, { id: after })).trace).not.toBeNull()
    for (const id of ids) expect((await tenant.client.ask(TraceDocument, { id })).trace).toBeNull()
  })
})
