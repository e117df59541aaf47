import type { OperationDefinitionNode } from 'graphql'
import { type ExecutionArgs, GraphQLError, getOperationAST, Lexer, Source, TokenKind } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Limits } from '../config.ts'
import { LimitError } from '../errors.ts'
import { measureQuery, type QueryCost } from './query-cost.ts'

type QueryLimits = Pick<Limits, 'queryDepth' | 'queryAliases' | 'queryTokens' | 'queryComplexity' | 'pageSize'>

/**
 * Brackets within brackets. Parser and validator call themselves for each, and a stack has room for some thousands.
 * Nothing that is written for a purpose comes near.
 */
const maxNesting = 500

/** Refuses a document before it runs: by its tokens before it is parsed, by the rest once it is known to be valid. */
export function useQueryLimits(limits: QueryLimits): Plugin {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => {
        checkTokens(source, limits.queryTokens)
        return parseFn(source, options)
      })
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

function checkTokens(source: string | Source, maxTokens: number): void {
  const lexer = new Lexer(typeof source === 'string' ? new Source(source) : source)
  let tokens = 0
  let nesting = 0
  for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
    tokens++
    if (opening.has(kind)) nesting++
    else if (closing.has(kind)) nesting--
    if (tokens > maxTokens) {
      throw refusal(
        exceeded('TRACEMEND_MAX_QUERY_TOKENS', maxTokens, `The document has more than ${maxTokens} tokens.`),
      )
    }
    if (nesting > maxNesting) {
      throw refusal(
        exceeded('nesting', maxNesting, `The document has brackets in brackets, more than ${maxNesting} deep.`),
      )
    }
  }
}

const opening = new Set<TokenKind>([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing = new Set<TokenKind>([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

function refuse(
  { schema, document, operationName, variableValues }: ExecutionArgs,
  limits: QueryLimits,
): GraphQLError | null {
  const operation = getOperationAST(document, operationName)
  // Which operation was meant is the executor's to say.
  if (!operation) return null
  const cost = measureQuery(schema, document, operation, variableValues ?? {})
  const limit = overLimit(cost, limits)
  return limit && refusal(limit, operation)
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

function refusal(limit: LimitError, nodes?: OperationDefinitionNode): GraphQLError {
  return new GraphQLError(limit.message, { nodes: nodes ?? null, originalError: limit })
}
