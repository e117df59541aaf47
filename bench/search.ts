import type { Answer } from './harness/connection.ts'
import { openConnection, requestOf } from './harness/connection.ts'
import { withDataset } from './harness/dataset.ts'
import { decisionCount, decisions, model, questions } from './harness/decisions.ts'
import { compareLatency, percentiles } from './harness/latency.ts'
import { startReference } from './harness/reference.ts'
import { reportLatency } from './harness/report.ts'
import type { BenchReport } from './harness/result.ts'

const document = `
  query Search($query: String!, $filter: ReasoningFilter) {
    searchReasoning(query: $query, limit: 10, filter: $filter) { score trace { id summary conclusion } }
  }`

const asked = questions(40)
const filters = {
  agent: { agent: 'agent-7' },
  tag: { tag: 'tag-7' },
  'type of decision': { decisionType: ['DECISION'] },
}

/**
 * A question to 100,000 records: by words and by meaning, authorized, over HTTP; against the statement for candidates by
 * meaning alone and their rescoring. Questions come again, as in a conversation: whoever asks first waits for the encoder.
 */
export function bench(): Promise<BenchReport> {
  return withDataset(decisions, async ({ product, databaseUrl }, { key, tenantId }) => {
    const reference = await startReference('search', databaseUrl)
    const ours = (filter: object = {}) =>
      asked.map((query) =>
        requestOf('/graphql', JSON.stringify({ query: document, variables: { query, filter } }), {
          authorization: `Bearer ${key}`,
        }),
      )
    const theirs = asked.map((query) => requestOf('/', JSON.stringify({ tenantId, model, query })))
    try {
      const first = await timeEach(product.address, ours())
      const sides = (filter?: object) => ({
        ours: { ...product, ...inTurns(ours(filter)) },
        reference: { ...reference, ...inTurns(theirs) },
      })
      const details = []
      for (const [name, filter] of Object.entries(filters)) {
        const measured = await compareLatency(sides(filter), { requests: asked.length, warmUp: 5 })
        details.push({ 'filtered by': name, 'p50, ms': measured.ours.p50, 'p95, ms': measured.ours.p95 })
      }
      const measured = await compareLatency(sides(), { requests: 5 * asked.length, warmUp: asked.length })
      details.push({ 'filtered by': 'nothing, asked first', 'p50, ms': first.p50, 'p95, ms': first.p95 })
      const names = { ours: 'searchReasoning', reference: 'candidates by meaning' }
      const detail = { records: decisionCount, first, filters: details }
      return reportLatency({ name: 'search', goal: 1.5, detail, details }, names, measured)
    } finally {
      await reference.stop()
    }
  })
}

function inTurns(requests: readonly Buffer[]) {
  let count = 0
  return { next: () => requests[count++ % requests.length] as Buffer, check }
}

function check({ status, body }: Answer): void {
  if (status !== 200 || body.includes('"errors"')) throw new Error(`${status}: ${body.toString('utf8').slice(0, 500)}`)
}

async function timeEach(address: string, requests: readonly Buffer[]) {
  const connection = await openConnection(address)
  const times: number[] = []
  for (const request of requests) {
    const begun = performance.now()
    check(await connection.send(request))
    times.push(performance.now() - begun)
  }
  connection.close()
  return percentiles(times)
}
