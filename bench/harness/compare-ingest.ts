import { createBatches, requireAccepted, spansPerBatch } from './batches.ts'
import { type Answer, openConnection } from './connection.ts'
import { withEmptyProduct } from './dataset.ts'
import { untilIndexed } from './indexing.ts'
import { startReference } from './reference.ts'
import { type BenchReport, ratioOf } from './result.ts'
import { compareThroughput, cpuRatioOf, type Throughput } from './throughput.ts'
import type { Workbench } from './workbench.ts'

const connections = 4

interface Door {
  name: string
  goal: number
  path: string
  wrap?: (batch: string) => string
}

/** The same batches through a door of the product and to the reference. What is indexed after the receipt is told apart. */
export async function compareIngest({ name, goal, path, wrap }: Door): Promise<BenchReport> {
  return withEmptyProduct(name, async (bench, key) => {
    const reference = await startReference('ingest', bench.databaseUrl)
    try {
      await bench.ask(key, 'mutation { updateTenant(input: { monthlySpanLimit: 2000000000 }) { id } }')
      const headers = { authorization: `Bearer ${key}` }
      const ours = { ...bench.product, ...createBatches(path, headers, wrap), check: requireAccepted }
      const sides = { ours, reference: { ...reference, ...createBatches('/', headers), check: requireAccepted } }
      await requireSameRows(bench, sides)
      const late: number[] = []
      const measured = await compareThroughput(sides, {
        connections,
        postgresPid: bench.product.postgresPid,
        // What is still to be indexed doesn't run into the other's round, nor does what is still to be written.
        async settle(side) {
          if (side === 'ours') late.push(await untilIndexed(bench.sql))
          await bench.sql.query('checkpoint')
        },
      })
      return report({ name, goal }, measured, { bytesPerRequest: ours.bytesPerRequest, indexedLaterMs: late.slice(1) })
    } finally {
      await reference.stop()
    }
  })
}

type Batches = Record<'ours' | 'reference', { address: string; next(): Buffer; check(answer: Answer): void }>

/** Both have written the same spans, whole. Their ids differ, as those of any two batches. */
async function requireSameRows({ sql }: Workbench, sides: Batches): Promise<void> {
  for (const { address, next, check } of Object.values(sides)) {
    const connection = await openConnection(address)
    check(await connection.send(next()))
    connection.close()
  }
  const columns = 'name, started_at, ended_at, model, input_tokens, output_tokens, input::jsonb, output::jsonb'
  const ours = `select ${columns} from spans s join span_contents c on (c.tenant_id, c.trace_id, c.span_id) = (s.tenant_id, s.trace_id, s.id)`
  const { rows } = await sql.query(`
    select (select count(*) from (${ours} intersect select ${columns} from ref_spans) same)::int as same`)
  if (rows[0].same !== spansPerBatch) throw new Error(`of ${spansPerBatch} spans, ${rows[0].same} were stored alike`)
}

function report(
  { name, goal }: Pick<Door, 'name' | 'goal'>,
  measured: Record<'ours' | 'reference', Throughput>,
  detail: Record<string, unknown>,
): BenchReport {
  const spans = ({ perSecond }: Throughput) => Math.round(perSecond * spansPerBatch)
  return {
    result: {
      name,
      ours: spans(measured.ours),
      reference: spans(measured.reference),
      unit: 'spans/s',
      ratio: ratioOf(measured.ours.perSecond, measured.reference.perSecond),
      goal: `>= ${goal}`,
      detail: { ...detail, cpuRatio: cpuRatioOf(measured), requests: measured },
    },
    table: Object.entries(measured).map(([side, each]) => ({
      side,
      'spans/s': spans(each),
      'server CPU, µs a span': Math.round((each.cpuMs.server * 1_000) / spansPerBatch),
      'PostgreSQL CPU, µs a span': Math.round((each.cpuMs.postgres * 1_000) / spansPerBatch),
      'rounds, requests/s': each.rounds.join(' '),
    })),
  }
}
