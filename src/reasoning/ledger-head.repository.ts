import type { PoolClient } from 'pg'
import { emptyHead, type LedgerHead } from './ledger.ts'

/** Whoever appends to a ledger, or changes what it is signed with, holds its head until it has committed. */
export async function holdHead(client: PoolClient, tenantId: string): Promise<LedgerHead> {
  const held = await client.query<LedgerHead>({ name: 'hold-ledger', text: holdLedger, values: [tenantId] })
  if (held.rows[0]) return held.rows[0]
  await client.query(beginLedger, [tenantId, Buffer.from(emptyHead.hash, 'hex'), emptyHead.signedAt])
  return holdHead(client, tenantId)
}

const holdLedger = `
  select sequence, encode(hash, 'hex') as hash, signed_at as "signedAt"
  from ledger_heads where tenant_id = $1 for update`

const beginLedger = `
  insert into ledger_heads (tenant_id, sequence, hash, signed_at) values ($1, 0, $2, $3) on conflict do nothing`
