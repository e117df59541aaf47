import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ModelServer, startModelServer } from '../../test/harness/model-server.ts'
import { createDownload } from './file-download.ts'
import { createGuardedFetch } from './guarded-fetch.ts'

let server: ModelServer

beforeEach(async () => {
  server = await startModelServer((response, { path }) => {
    if (path === '/gone.png') response.writeHead(404).end('gone')
    else response.writeHead(200, { 'content-type': 'image/png; charset=binary' }).end(Buffer.alloc(1000, 7))
  })
})
afterEach(() => server.close())

function download(path: string, { isUrlSupportedByModel = false, maxBytes = 1000, mayBePrivate = true } = {}) {
  const fetch = createGuardedFetch({ mayBePrivate, maxBytes })
  return createDownload(
    fetch,
    new AbortController().signal,
  )([{ url: new URL(path, server.url), isUrlSupportedByModel }])
}

test('brings the file with its type', async () => {
  expect(await download('/a.png')).toEqual([{ data: new Uint8Array(1000).fill(7), mediaType: 'image/png' }])
})

test('leaves to the provider what it fetches itself', async () => {
  expect(await download('/a.png', { isUrlSupportedByModel: true })).toEqual([null])
  expect(server.requests).toEqual([])
})

test.each([
  ['it answered 404', '/gone.png', {}],
  ['larger than 999 bytes', '/a.png', { maxBytes: 999 }],
  ['public internet', '/a.png', { mayBePrivate: false }],
])('says what is wrong: %s', async (problem, path, options) => {
  const expected = { code: 'BAD_REQUEST', message: expect.stringContaining(problem) }
  await expect(download(path, options)).rejects.toMatchObject(expected)
})
