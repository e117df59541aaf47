import { cleanJson, JsonTooDeepError } from '../clean.ts'
import { isRecord, parseJson } from '../json-record.ts'
import { schemaMismatch } from './json-schema.ts'
import { ModelCallError, type ToolCall } from './model-call.ts'
import type { ResponseSchema } from './response-schema.ts'

/** The JSON that was asked for; the text itself stays with the answer. */
export function readOutput(
  answer: { text: string; finishReason: string; toolCalls: ToolCall[] | null },
  { schema }: ResponseSchema,
): unknown {
  // A model that calls a tool answers later.
  if (answer.text === '' && answer.toolCalls !== null) return null
  const isCut = answer.finishReason === 'length'
  const output = parseJson(answer.text)
  const problem = output === undefined ? 'is no JSON' : (unstorable(output) ?? schemaMismatch(schema, output))
  if (problem === null) return output
  const why = isCut ? ' It was cut off at the greatest number of tokens.' : ''
  throw new ModelCallError(
    'INVALID_OUTPUT',
    output === undefined
      ? `The answer ${problem}, which the response schema asks for.${why}`
      : `The answer does not meet the response schema: ${problem}.${why}`,
    { retryable: !isCut },
  )
}

function unstorable(output: unknown): string | null {
  try {
    cleanJson(output)
    return null
  } catch (error) {
    return error instanceof JsonTooDeepError ? 'it is too deep' : 'it has a number that is too large'
  }
}

export function checkToolCalls(calls: ToolCall[] | null, schemas: Map<string, unknown>): void {
  for (const { function: called } of calls ?? []) {
    const problem = argumentProblem(called, schemas)
    if (problem === null) continue
    throw new ModelCallError('INVALID_TOOL_ARGUMENTS', `The call of the tool "${called.name}" is invalid: ${problem}.`)
  }
}

function argumentProblem({ name, arguments: text }: ToolCall['function'], schemas: Map<string, unknown>) {
  if (!schemas.has(name)) return 'no such tool was offered'
  const input = text.trim() === '' ? {} : parseJson(text)
  if (input === undefined) return 'its arguments are no JSON'
  if (!isRecord(input)) return 'its arguments are no JSON object'
  return schemaMismatch(schemas.get(name), input)
}
