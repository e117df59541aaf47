import { setTimeout as pause } from 'node:timers/promises'

export interface Receipt {
  accepted: number
  rejected: number
  traceIds: string[]
  errors: { path: string; message: string }[]
}

/** Ends the program: says what is wrong, and what to do about it. */
export class CannotSeedError extends Error {
  override readonly name = 'CannotSeedError'
}

interface Door {
  url: string
  key: string
  onWait(seconds: number, why: string): void
}

/** What is worth another try: too many requests, something behind the door that doesn't answer, a cut connection. */
const passing = [429, 502, 503, 504]
const maxAttempts = 8
/** A limit that renews next month is not worth waiting for. */
const maxWaitSeconds = 120

/** Sends a batch until it is taken: repeated, it changes nothing. */
export async function sendBatch(door: Door, body: string): Promise<Receipt> {
  for (let number = 1; ; number++) {
    const answer = await post(door, body)
    if (answer.receipt) return answer.receipt
    const seconds = answer.retryAfter ?? Math.min(2 ** number, 15)
    const mayPass = answer.status === null || passing.includes(answer.status)
    if (!mayPass || number === maxAttempts || seconds > maxWaitSeconds) throw refusalOf(door, answer)
    // Nobody was there from the start: it will not come up by waiting.
    if (answer.status === null && number === 1 && body === emptyBatch) throw refusalOf(door, answer)
    door.onWait(seconds, answer.message)
    await pause(seconds * 1_000)
  }
}

const emptyBatch = '{"traces":[]}'

/** Whether the address and the key are right is known before anything is made. */
export async function tryDoor(door: Door): Promise<void> {
  await sendBatch(door, emptyBatch)
}

interface Answer {
  /** Null: no answer. */
  status: number | null
  code: string | null
  message: string
  retryAfter: number | null
  /** What was sent is stored. */
  receipt: Receipt | null
}

async function post({ url, key }: Door, body: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  try {
    const response = await fetch(`${url}/ingest`, { method: 'POST', headers, body })
    const text = await response.text()
    const read = parse(text)
    // A status of 200 alone says nothing: whatever else may be listening there, only a receipt is one.
    const isTaken = response.ok && read?.accepted !== undefined
    const [error] = isTaken ? [] : (read?.errors ?? [])
    const after = Number(response.headers.get('retry-after') ?? Number.NaN)
    return {
      status: response.status,
      code: error?.extensions?.code ?? null,
      message: error?.message ?? `${response.status} ${response.statusText}`,
      retryAfter: Number.isFinite(after) ? after : null,
      receipt: isTaken ? (read as Receipt) : null,
    }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } }
    return { status: null, code: null, message: cause?.code ?? message, retryAfter: null, receipt: null }
  }
}

function parse(text: string) {
  try {
    return JSON.parse(text) as Partial<Receipt> & { errors?: { message?: string; extensions?: { code?: string } }[] }
  } catch {
    return null
  }
}

function refusalOf({ url }: Door, { status, code, message }: Answer): CannotSeedError {
  return new CannotSeedError(`${sentenceOf(url, status, message)}\n${adviceOf(status, code)}`)
}

function sentenceOf(url: string, status: number | null, message: string): string {
  if (status === null) return `Nothing answers at ${url} (${message}).`
  return `${url}/ingest refused: ${message}`
}

function adviceOf(status: number | null, code: string | null): string {
  if (status === null) return 'Start it with `npm start` in another shell, or set TRACEMEND_URL to where it runs.'
  if (code === 'UNAUTHENTICATED') {
    return 'Set TRACEMEND_KEY to the key that the first start printed, or to another one with the scope INGEST.'
  }
  if (code === 'FORBIDDEN') return 'Set TRACEMEND_KEY to a key with the scope INGEST: `createApiKey` makes one.'
  if (code === 'QUOTA_EXCEEDED') return 'Raise the limit (`updateTenant`, scope OPERATOR) or seed fewer --traces.'
  if (code === 'PAYLOAD_TOO_LARGE')
    return 'Raise the limit that it names where Tracemend runs: the seed sends 900 spans at once.'
  if (code === null) return 'Is it Tracemend that runs there? Set TRACEMEND_URL to where it does.'
  return 'What was sent before is stored; run it again with the same --seed and --until to send the rest.'
}
