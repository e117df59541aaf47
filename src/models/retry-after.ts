import { isRecord, parseJson } from '../json-record.ts'

/** When to try again, from the headers (seconds, milliseconds or a date) or from Google's `retryDelay`; whole seconds. */
export function readRetryAfter(
  headers: Record<string, string>,
  body: string | undefined,
  now = Date.now(),
): number | null {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN)
  if (Number.isFinite(ms)) return atLeastZero(ms / 1000)
  const header = headers['retry-after']?.trim()
  if (header) {
    if (/^\d+(\.\d+)?$/.test(header)) return atLeastZero(Number(header))
    const date = Date.parse(header)
    if (!Number.isNaN(date)) return atLeastZero((date - now) / 1000)
  }
  return body === undefined ? null : googleDelay(parseJson(body))
}

function googleDelay(body: unknown): number | null {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {}
  for (const detail of Array.isArray(error.details) ? error.details : []) {
    const match = isRecord(detail) ? /^(\d+(?:\.\d+)?)s$/.exec(String(detail.retryDelay)) : null
    if (match) return atLeastZero(Number(match[1]))
  }
  return null
}

function atLeastZero(seconds: number): number {
  return Math.max(0, Math.ceil(seconds))
}
