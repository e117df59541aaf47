import { deepStrictEqual } from 'node:assert'
import { type Answer, type Connection, openConnection } from './connection.ts'
import type { Side, Sides } from './side.ts'

interface Server {
  address: string
  pid: number
}

/** The same question to both, each in the words of whom it is put to. */
interface Question {
  ours: Buffer
  reference: Buffer
}

/**
 * Puts every question to both once, and has them agree; afterwards an answer counts if it has a length that was seen
 * then, so that a refusal or a shorter list can't pass for a quick answer.
 */
export async function askBoth(servers: Record<keyof Sides, Server>, questions: readonly Question[]): Promise<Sides> {
  const connections = {
    ours: await openConnection(servers.ours.address),
    reference: await openConnection(servers.reference.address),
  }
  const lengths = { ours: new Set<number>(), reference: new Set<number>() }
  for (const question of questions) {
    const [ours, reference] = await Promise.all([
      ask(connections.ours, question.ours),
      ask(connections.reference, question.reference),
    ])
    deepStrictEqual(read(ours), read(reference))
    lengths.ours.add(ours.length)
    lengths.reference.add(reference.length)
  }
  connections.ours.close()
  connections.reference.close()
  const side = (name: keyof Sides): Side => ({
    ...servers[name],
    ...cycle(
      questions.map((question) => question[name]),
      lengths[name],
    ),
  })
  return { ours: side('ours'), reference: side('reference') }
}

/** PostgreSQL writes the same moment another way. */
function read(body: Buffer): unknown {
  return JSON.parse(body.toString('utf8'), (_, value) =>
    typeof value === 'string' && moment.test(value) ? new Date(value).toISOString() : value,
  )
}

const moment = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/

async function ask(connection: Connection, request: Buffer): Promise<Buffer> {
  const { status, body } = await connection.send(request)
  if (status !== 200) throw refused(status, body)
  return body
}

function cycle(requests: readonly Buffer[], lengths: ReadonlySet<number>): Pick<Side, 'next' | 'check'> {
  let count = 0
  return {
    next: () => requests[count++ % requests.length] as Buffer,
    check({ status, body }: Answer) {
      if (status !== 200 || !lengths.has(body.length)) throw refused(status, body)
    },
  }
}

function refused(status: number, body: Buffer): Error {
  return new Error(`answered with ${status}, ${body.length} bytes: ${body.toString('utf8').slice(0, 500)}`)
}
