import { type DocumentNode, GraphQLError, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Metrics } from '../infra/metrics.ts'
import { timeLimitError } from './errors.ts'

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
  const limit = timeLimitError(operationMs)
  return new GraphQLError(limit.message, { originalError: limit })
}
