import { type DocumentNode, type ExecutionArgs, GraphQLError, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Limits } from '../config.ts'
import { LimitError } from '../errors.ts'
import { measureQuery, type QueryCost } from './query-cost.ts'

type QueryLimits = Pick<Limits, 'queryDepth' | 'queryAliases' | 'queryTokens' | 'queryComplexity' | 'pageSize'>

/** Refuses a document before it runs: tokens while it is parsed, the rest once it is known to be valid. */
export function useQueryLimits(limits: QueryLimits): Plugin {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) =>
        parseWithin(limits.queryTokens, () => parseFn(source, { ...options, maxTokens: limits.queryTokens })),
      )
    },
    onExecute({ args, setResultAndStopExecution }) {
      const refusal = refuse(args as ExecutionArgs, limits)
      if (refusal) setResultAndStopExecution({ errors: [refusal] })
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const refusal = refuse(args as ExecutionArgs, limits)
      if (refusal) setResultAndStopExecution({ errors: [refusal] })
    },
  }
}

function parseWithin(maxTokens: number, parse: () => DocumentNode): DocumentNode {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof GraphQLError) || !error.message.includes(`more that ${maxTokens} tokens`)) throw error
    const limit = exceeded('TRACEMEND_MAX_QUERY_TOKENS', maxTokens, `The document has more than ${maxTokens} tokens.`)
    throw new GraphQLError(limit.message, { originalError: limit })
  }
}

function refuse(
  { schema, document, operationName, variableValues }: ExecutionArgs,
  limits: QueryLimits,
): GraphQLError | null {
  const operation = getOperationAST(document, operationName)
  // Which operation was meant is the executor's to say.
  if (!operation) return null
  const cost = measureQuery(schema, document, operation, variableValues ?? {})
  const limit = overLimit(cost, limits)
  return limit && new GraphQLError(limit.message, { nodes: operation, originalError: limit })
}

function overLimit({ depth, aliases, complexity, page }: QueryCost, limits: QueryLimits): LimitError | null {
  const pageSize = page.max ?? limits.pageSize
  const checks: [string, number, number, string][] = [
    ['TRACEMEND_MAX_QUERY_DEPTH', limits.queryDepth, depth, 'is the depth of the document'],
    ['TRACEMEND_MAX_QUERY_ALIASES', limits.queryAliases, aliases, 'aliases are in the document'],
    ['TRACEMEND_MAX_PAGE_SIZE', pageSize, page.size, `nodes are asked for at once by "${page.field}"`],
    ['TRACEMEND_MAX_QUERY_COMPLEXITY', limits.queryComplexity, complexity, 'is the complexity of the document'],
  ]
  for (const [setting, max, value, what] of checks) {
    if (value > max) return exceeded(setting, max, `${value} ${what}; ${max} is the limit.`)
  }
  return null
}

function exceeded(setting: string, max: number, message: string): LimitError {
  return new LimitError('QUERY_TOO_COMPLEX', message, { limit: setting, max })
}
