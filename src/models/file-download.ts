import type { Fetch } from './guarded-fetch.ts'
import { ModelCallError } from './model-call.ts'

interface Download {
  url: URL
  isUrlSupportedByModel: boolean
}

export const maxFileBytes = 20 * 1024 * 1024

/** Fetches the images and files that messages name by address, where the provider doesn't do it itself. */
export function createDownload(fetch: Fetch, signal: AbortSignal) {
  return (downloads: Download[]) =>
    Promise.all(
      downloads.map(async ({ url, isUrlSupportedByModel }) => {
        if (isUrlSupportedByModel) return null
        const response = await fetch(url, { signal }).catch((error: Error) => fail(url, error.message))
        if (!response.ok) {
          await response.body?.cancel()
          return fail(url, `it answered ${response.status}`)
        }
        const data = new Uint8Array(await response.arrayBuffer().catch((error: Error) => fail(url, error.message)))
        return { data, mediaType: response.headers.get('content-type')?.split(';', 1)[0] }
      }),
    )
}

function fail(url: URL, why: string): never {
  throw new ModelCallError('BAD_REQUEST', `The file at ${url.host} that a message refers to can't be fetched: ${why}`)
}
