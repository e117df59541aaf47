import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { UnavailableError } from '../errors.ts'
import type { BusEars, BusWire } from './bus-wire.ts'
import { createOutage } from './outage.ts'
import { isDoneWithin } from './time-limit.ts'

const farewellMs = 1_000

/**
 * One connection that LISTENs on one channel and sends by NOTIFY, one statement at a time; a topic is a payload.
 * States: connected; lost, trying again; closed. From `lost` it comes back by itself and reports a gap.
 * NOTIFY takes a lock of the whole server at commit, so it is never part of a transaction that does anything else.
 */
export async function openPostgresWire(databaseUrl: string, ears: BusEars): Promise<BusWire> {
  const outage = createOutage(ears.logger, 'the database of the bus')
  const closing = new AbortController()
  let current: pg.Client | undefined
  let turn: Promise<unknown> = Promise.resolve()

  async function connect(): Promise<void> {
    const client = await openListener(databaseUrl, ears, lose)
    if (closing.signal.aborted) return client.end()
    current = client
    outage.ended()
  }

  function lose(client: pg.Client, error: unknown): void {
    if (client !== current) return
    current = undefined
    void client.end().catch(() => {})
    if (closing.signal.aborted) return
    outage.began(error)
    void comeBack()
  }

  async function comeBack(): Promise<void> {
    for (let waitMs = 50; !closing.signal.aborted; waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        await connect()
        return ears.onGap()
      } catch (error) {
        outage.began(error)
        // Half of it by chance: many processes come back to one database.
        await pause(waitMs * (0.5 + Math.random() / 2), undefined, { signal: closing.signal }).catch(() => {})
      }
    }
  }

  async function ask(text: string, values: unknown[]): Promise<void> {
    const client = current
    if (!client) throw new UnavailableError('The database of the bus does not answer.')
    try {
      await client.query(text, values)
    } catch (error) {
      // Whatever a statement as plain as ours fails of, a new connection is the remedy.
      lose(client, error)
      throw error
    }
  }

  function askInTurn(text: string, values: unknown[] = []): Promise<void> {
    const asked = turn.then(() => ask(text, values))
    turn = asked.catch(() => {})
    return asked
  }

  try {
    await connect()
  } catch (error) {
    throw new UnavailableError('The database of the bus does not answer.', error)
  }
  return {
    send: (topics) => askInTurn('select pg_notify($1, topic) from unnest($2::text[]) topic', [ears.channel, topics]),
    ping: () => askInTurn('select 1'),
    reset: (error) => current && lose(current, error),
    async close() {
      closing.abort()
      if (current) await isDoneWithin(farewellMs, current.end())
      current = undefined
    },
  }
}

type OnLost = (client: pg.Client, error: unknown) => void

async function openListener(databaseUrl: string, ears: BusEars, onLost: OnLost): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'tracemend-bus',
  })
  let lost: Error | undefined
  client.on('error', (error) => {
    lost = error
    onLost(client, error)
  })
  client.on('end', () => onLost(client, lost ?? new Error('the server closed the connection')))
  client.on('notification', ({ payload }) => ears.onTopic(payload ?? ''))
  try {
    await client.connect()
    await client.query(`listen ${client.escapeIdentifier(ears.channel)}`)
    if (lost) throw lost
    return client
  } catch (error) {
    void client.end().catch(() => {})
    throw error
  }
}
