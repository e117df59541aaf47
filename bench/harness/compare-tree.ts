import { requestOf } from './connection.ts'
import { withDataset } from './dataset.ts'
import { startReference } from './reference.ts'
import { askBoth } from './same-answers.ts'
import type { Sides } from './side.ts'
import { trees } from './trees.ts'

interface Question {
  /** Which of the traces. */
  trace: 'small' | 'large' | 'huge'
  document: string
  /** A file in `bench/references`, and what it is told besides the tenant and the trace. */
  reference: string
  told?: object
}

interface Context {
  postgresPid: number
  /** Asks the reference something else about the same trace. */
  askReference(told: object): Buffer
}

/** A trace asked for by its id, once the product and the reference have given the same answer. */
export function withTrace<Result>(
  { trace, document, reference: name, told }: Question,
  use: (sides: Sides, context: Context) => Promise<Result>,
): Promise<Result> {
  return withDataset(trees, async ({ product, databaseUrl }, { key, tenantId, ...ids }) => {
    const reference = await startReference(name, databaseUrl)
    const id = ids[trace]
    try {
      const ours = requestOf('/graphql', JSON.stringify({ query: document, variables: { id } }), {
        authorization: `Bearer ${key}`,
      })
      const askReference = (more?: object) => requestOf('/', JSON.stringify({ tenantId, traceId: id, ...more }))
      const sides = await askBoth({ ours: product, reference }, [{ ours, reference: askReference(told) }])
      return await use(sides, { postgresPid: product.postgresPid, askReference })
    } finally {
      await reference.stop()
    }
  })
}
