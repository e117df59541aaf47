import { createHash } from 'node:crypto'
import { requestOf } from './connection.ts'
import { createRandom } from './random.ts'

/** What a list of traces shows. Twelve fields, in the order in which every answer has them. */
const fields = `
  id name status outcome startedAt endedAt durationMs model totalTokens cost spanCount errorCount`

const document = `
  query List($filter: TraceFilter, $after: String) {
    traces(filter: $filter, orderBy: { field: STARTED_AT, direction: DESC }, first: 20, after: $after) {
      nodes { ${fields} }
      pageInfo { hasNextPage endCursor }
    }
  }`

interface ListVariables {
  filter?: object
  after?: string | null
}

export function listRequest(key: string, variables: ListVariables): Buffer {
  return requestOf('/graphql', JSON.stringify({ query: document, variables }), { authorization: `Bearer ${key}` })
}

/** What people look for, each with several values, of which some have many traces and others few. */
export const listFilters: Record<string, object[]> = {
  none: [{}],
  failed: [{ status: ['FAILED'] }],
  agent: vary((random) => ({ agents: [`agent-${String(random.whole(0, 39)).padStart(2, '0')}`] })),
  'failed, agent': vary((random) => ({ status: ['FAILED'], agents: [`agent-0${random.whole(0, 9)}`] })),
  model: vary((random) => ({ model: `model-${random.whole(0, 7)}` })),
  tag: vary((random) => ({ tagsAny: [`tag-${random.whole(0, 23)}`] })),
  user: vary((random) => ({ userId: `user-${random.whole(0, 2_000)}` })),
  'prompt, day': vary((random) => {
    const start = Date.UTC(2026, 7, 21) + random.whole(0, 80) * 86_400_000
    const [gte, lt] = [start, start + 86_400_000].map((time) => new Date(time).toISOString())
    return { promptName: `prompt-${random.whole(0, 9)}`, startedAt: { gte, lt } }
  }),
}

/** What few traces have, or none: found quickly only where an index is used for it. */
export const rareFilters: Record<string, object[]> = {
  running: [{ status: ['RUNNING'] }],
  'failed or timed out': [{ status: ['FAILED', 'TIMED_OUT'] }],
  'rare tag': [{ tagsAny: ['rare'] }],
  'no such tag': [{ tagsAll: ['nobody'] }],
  'no such user': [{ userId: 'nobody' }],
  etag: [{ etag: createHash('md5').update('prompt-3 version 7').digest('hex') }],
  dear: [{ cost: { gte: '0.0265' } }],
}

function vary(make: (random: ReturnType<typeof createRandom>) => object): object[] {
  const random = createRandom(11)
  return Array.from({ length: 12 }, () => make(random))
}
