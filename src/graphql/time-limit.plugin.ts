import { type DocumentNode, GraphQLError, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { LimitError } from '../errors.ts'
import type { Metrics } from '../infra/metrics.ts'

/**
 * A query or mutation that runs longer than its limit is answered without its result. What it waits for in the
 * database is ended by the limit of the connection (see postgres.ts), so that it doesn't go on unseen.
 */
export function useTimeLimit(operationMs: number, metrics: Pick<Metrics, 'operationSeconds'>): Plugin {
  return {
    onExecute({ executeFn, setExecuteFn, args }) {
      const type = getOperationAST(args.document as DocumentNode, args.operationName)?.operation ?? 'query'
      setExecuteFn(async (executionArgs) => {
        const stop = metrics.operationSeconds.startTimer({ type })
        let timer: NodeJS.Timeout | undefined
        const limit = new Promise((resolve) => {
          timer = setTimeout(() => resolve({ errors: [tooLong(operationMs)] }), operationMs)
        })
        try {
          return await Promise.race([executeFn(executionArgs), limit])
        } finally {
          clearTimeout(timer)
          stop()
        }
      })
    },
  }
}

function tooLong(operationMs: number): GraphQLError {
  const limit = new LimitError('OPERATION_TIMEOUT', `The operation took longer than ${operationMs} ms.`, {
    limit: 'TRACEMEND_MAX_OPERATION_MS',
    max: operationMs,
    hint: 'Ask for less at once. A mutation may have happened all the same.',
  })
  return new GraphQLError(limit.message, { originalError: limit })
}
