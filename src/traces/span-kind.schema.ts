import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import type { SpanKind } from './span.ts'

const kindDescriptions: Record<SpanKind, string> = {
  AGENT: 'An agent at work: what it decides and calls hangs below.',
  LLM: 'A call of a language model. Its tokens and cost count.',
  TOOL: 'A call of a tool.',
  RETRIEVER: 'A search for what a model is given to read.',
  EMBEDDING: 'A call of an embedding model. Its tokens and cost count.',
  CHAIN: 'Steps that belong together.',
  GUARDRAIL: 'A check of what goes in or comes out.',
  OTHER: 'Anything else, and what nobody said.',
}

export const SpanKindRef = builder.enumType('SpanKind', {
  description: 'What a span is.',
  values: describedValues(kindDescriptions),
})
