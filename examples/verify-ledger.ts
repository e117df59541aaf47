// Verifies a ledger that was exported, without the program that wrote it: nothing is used here but Node itself.
//
//   npm run ledger -- export ledger.jsonl
//   npx tsx examples/verify-ledger.ts ledger.jsonl [--head SEQUENCE:HASH]... [--key KID]...
//
// A file alone shows that it is whole and that its keys signed all of it. Whoever has both the database and the keys
// could sign another past; so keep heads elsewhere (`npm run --silent ledger -- head`), and give them here: each must be
// in it. With --key, only those keys are taken; they stand at /.well-known/tracemend-ledger.json.
//
// The format, line by line, each of them JSON as JSON.stringify writes it, with these properties and no others:
//   1     { format, ledger, exportedAt, keys: [{ kty, crv, x, kid, use, createdAt, retiredAt }],
//           head: { sequence, hash, signedAt } | null }
//   n+1   { sequence, kind, reasoningId, contentHash, previousHash, keyId, signedAt, hash, signature, content }
//
// Nobody signs exportedAt, createdAt and retiredAt: they are as whoever has the file says. But no key may have signed
// anything after its retiredAt.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const format = 'tracemend-ledger/1'
const noHash = '0'.repeat(64)

interface Header {
  format: string
  /** Whose ledger it is: part of everything that is signed. */
  ledger: string
  exportedAt: string
  /** JSON Web Keys (RFC 7517). */
  keys: { kty: string; crv: string; x: string; kid: string; use: string; createdAt: string; retiredAt: string | null }[]
  head: { sequence: number; hash: string; signedAt: string } | null
}

interface Entry {
  sequence: number
  kind: 'STORED' | 'DELETED'
  reasoningId: string
  contentHash: string
  previousHash: string
  keyId: string
  signedAt: string
  hash: string
  signature: string
  /** The canonical JSON (RFC 8785) of what was stored; null where it was deleted, and for a deletion itself. */
  content: string | null
}

const names = {
  header: 'exportedAt format head keys ledger',
  key: 'createdAt crv kid kty retiredAt use x',
  head: 'hash sequence signedAt',
  entry: 'content contentHash hash keyId kind previousHash reasoningId sequence signature signedAt',
}

const usage = `Usage: npx tsx examples/verify-ledger.ts FILE [--head SEQ:HASH]... [--key KID]...`

const help = `Verifies a ledger that was exported with \`npm run ledger -- export FILE\`, with nothing but Node.

${usage}

  --head SEQ:HASH   an entry that was kept elsewhere (\`npm run --silent ledger -- head\`), and has to be in the file
  --key KID         takes only such keys (/.well-known/tracemend-ledger.json); else those that the file names

It prints VALID or INVALID and why; the exit code is 0 or 1, and 2 where nothing could be verified.`

class InvalidLedgerError extends Error {}

const { file, heads, kids } = readArguments()
try {
  console.log(await verifyFile())
} catch (error) {
  if (error instanceof InvalidLedgerError) {
    console.log(`INVALID  ${error.message}`)
    process.exitCode = 1
  } else {
    console.error((error as Error).message)
    process.exitCode = 2
  }
}

async function verifyFile(): Promise<string> {
  let ledger: ReturnType<typeof createLedger> | undefined
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (ledger) ledger.add(parseLine<Entry>(line))
    else ledger = createLedger(parseLine<Header>(line))
  }
  if (!ledger) throw new InvalidLedgerError('The file is empty.')
  return ledger.end()
}

/** Takes the entries one after another, and remembers what later ones have to fit. */
function createLedger(header: Header) {
  require(header.format === format, `The file is "${header.format}"; this reads ${format}.`)
  requireNames(header, 'header')
  if (header.head !== null) requireNames(header.head, 'head')
  const keys = readKeys(header)
  const retired = new Set<string>()
  /** Content hashes by record; those in `missing` have no content, and need a deletion. */
  const stored = new Map<string, string>()
  const missing = new Map<string, number>()
  const deleted = new Set<string>()
  let last: Pick<Entry, 'sequence' | 'hash' | 'signedAt' | 'keyId'> | null = null
  let firstAt = ''

  function add(entry: Entry): void {
    requireNames(entry, 'entry')
    const { sequence, hash, signedAt } = entry
    const expected = (last?.sequence ?? 0) + 1
    require(sequence === expected, `Entry ${expected} is missing: there is ${sequence} in its place.`)
    const bytes = bytesOf(header.ledger, entry)
    require(sha256(bytes) === hash, `Entry ${sequence} is not what its hash says.`)
    require(entry.previousHash === (last?.hash ?? noHash), `Entry ${sequence} does not follow the one before it.`)
    require(isTime(signedAt) && signedAt >= (last?.signedAt ?? ''), `Entry ${sequence} is dated before the last one.`)
    checkSignature(entry, bytes)
    for (const head of heads.filter((each) => each.sequence === sequence)) {
      require(head.hash === hash, `The past was rewritten: entry ${sequence} was ${head.hash} and is ${hash}.`)
    }
    if (entry.kind === 'STORED') checkStored(entry)
    else if (entry.kind === 'DELETED') checkDeleted(entry)
    else throw new InvalidLedgerError(`Entry ${sequence} is of no kind that there is.`)
    firstAt ||= signedAt
    last = entry
  }

  /** A key that was replaced never signs again. */
  function checkSignature({ sequence, keyId, signedAt, signature }: Entry, bytes: Buffer): void {
    const key = keys.get(keyId)
    if (!key) throw new InvalidLedgerError(`Entry ${sequence} is signed with ${keyId}, which is not among the keys.`)
    if (last && last.keyId !== keyId) retired.add(last.keyId)
    const isCurrent = !retired.has(keyId) && (key.retiredAt === null || signedAt <= key.retiredAt)
    require(isCurrent, `Entry ${sequence} is signed with ${keyId}, which was replaced before.`)
    const signed = Buffer.from(signature, 'base64')
    const isGenuine = signed.toString('base64') === signature && verify(null, bytes, key.publicKey, signed)
    require(isGenuine, `The signature of entry ${sequence} is not one of ${keyId}.`)
  }

  function checkStored({ sequence, reasoningId, contentHash, content }: Entry): void {
    require(!stored.has(reasoningId), `Entry ${sequence} stores "${reasoningId}" a second time.`)
    stored.set(reasoningId, contentHash)
    if (content === null) return void missing.set(reasoningId, sequence)
    const isSigned = sha256(content) === contentHash && parse<{ id: string }>(content).id === reasoningId
    require(isSigned, `The content of entry ${sequence} is not what was signed.`)
  }

  function checkDeleted({ sequence, reasoningId, contentHash, content }: Entry): void {
    const hash = stored.get(reasoningId)
    require(hash !== undefined, `Entry ${sequence} deletes "${reasoningId}", which none before it stores.`)
    require(hash ===
      contentHash, `Entry ${sequence} deletes "${reasoningId}" with another hash than it was stored with.`)
    require(!deleted.has(reasoningId), `Entry ${sequence} deletes "${reasoningId}" a second time.`)
    const isGone = missing.delete(reasoningId) && content === null
    require(isGone, `Entry ${sequence} says that "${reasoningId}" was deleted, and its content is there.`)
    deleted.add(reasoningId)
  }

  function end(): string {
    const [gone] = missing
    require(!gone, `The content of entry ${gone?.[1]} is gone, and no entry says that "${gone?.[0]}" was deleted.`)
    const { head } = header
    const isWhole = (head?.sequence ?? 0) === (last?.sequence ?? 0) && (!last || isSame(head, last))
    require(isWhole, `The file says that the last entry is ${head?.sequence ?? 0}; it ends with ${last?.sequence ?? 0}.`)
    const beyond = heads.find(({ sequence }) => sequence > (last?.sequence ?? 0))
    require(!beyond, `The past was rewritten: there was an entry ${beyond?.sequence}, and the file ends before it.`)
    return last === null ? 'VALID    The ledger is empty.' : summaryOf(last)
  }

  function summaryOf({ sequence, hash, signedAt }: { sequence: number; hash: string; signedAt: string }): string {
    const compared = heads.length === 0 ? 'none was given: see below' : `${heads.length}, each in its place`
    return [
      `VALID    ${sequence} entries: ${stored.size} records stored, ${deleted.size} of them deleted`,
      `from     ${firstAt}`,
      `to       ${signedAt}`,
      `keys     ${[...keys.keys()].join(', ')}${kids.size === 0 ? ' (as the file says)' : ''}`,
      `heads    ${compared}`,
      'Keep this where nobody who has the database can change it, and give it the next time:',
      `         --head ${sequence}:${hash}`,
    ].join('\n')
  }

  return { add, end }
}

/** The id of a key is the fingerprint of its public half, so that nobody can put another in its place. */
function readKeys({ keys }: Header): Map<string, { publicKey: KeyObject; retiredAt: string | null }> {
  const read = new Map<string, { publicKey: KeyObject; retiredAt: string | null }>()
  const said = new Set<string>()
  for (const key of keys) {
    requireNames(key, 'key')
    const { kty, crv, x, kid, use, retiredAt } = key
    require(!said.has(kid), `The key ${kid} is there twice.`)
    said.add(kid)
    const bytes = Buffer.from(x, 'base64url')
    const isItself = kid === `lk_${sha256(bytes).slice(0, 32)}` && bytes.length === 32
    require(isItself && bytes.toString('base64url') === x, `The key ${kid} is not the one that its id says.`)
    require(kty === 'OKP' && crv === 'Ed25519' && use === 'sig', `The key ${kid} is none of Ed25519 for signatures.`)
    if (kids.size > 0 && !kids.has(kid)) continue
    read.set(kid, { publicKey: createPublicKey({ key: { kty, crv, x }, format: 'jwk' }), retiredAt })
  }
  return read
}

/** What is hashed and signed: canonical JSON, which for an object without another within it is JSON with sorted names. */
function bytesOf(ledger: string, entry: Entry): Buffer {
  const { sequence, kind, reasoningId, contentHash, previousHash, keyId, signedAt } = entry
  const said = { format, ledger, sequence, kind, reasoningId, contentHash, previousHash, keyId, signedAt }
  return Buffer.from(JSON.stringify(said, Object.keys(said).sort()))
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** As they are signed: in UTC with milliseconds, so that their texts are in the order of time. */
function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)
}

function isSame(head: Header['head'], { hash, signedAt }: { hash: string; signedAt: string }): boolean {
  return head?.hash === hash && head.signedAt === signedAt
}

function require(isRight: boolean, otherwise: string): void {
  if (!isRight) throw new InvalidLedgerError(otherwise)
}

/** Of a name that is there twice, others may read the value that we don't. */
function parseLine<Value>(line: string): Value {
  const value = parse<Value>(line)
  require(JSON.stringify(value) === line, `This is not written as it was exported: ${line.slice(0, 80)}`)
  return value
}

/** What isn't signed could be put beside what is, and be taken for it. */
function requireNames(value: object, what: keyof typeof names): void {
  const given = Object.keys(value).sort().join(' ')
  require(given === names[what], `The ${what} should have: ${names[what]}. It has: ${given.slice(0, 200)}.`)
}

function parse<Value>(line: string): Value {
  try {
    const value = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Refused below.
  }
  throw new InvalidLedgerError(`This is no JSON object: ${line.slice(0, 80)}`)
}

function readArguments() {
  try {
    const many = { type: 'string', multiple: true } as const
    const options = { head: many, key: many, help: { type: 'boolean', short: 'h' } } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    if (values.help) {
      console.log(help)
      return process.exit(0)
    }
    const [file, ...more] = positionals
    if (file === undefined || more.length > 0) throw new Error('One file is needed.')
    return { file, heads: (values.head ?? []).map(readHead), kids: new Set(values.key) }
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`)
    return process.exit(2)
  }
}

function readHead(text: string): { sequence: number; hash: string } {
  const [, sequence, hash] = /^([1-9]\d{0,9}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence === undefined || hash === undefined)
    throw new Error(`A head is SEQUENCE:HASH, counted from 1; got "${text}".`)
  return { sequence: Number(sequence), hash }
}
