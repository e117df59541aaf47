import SchemaBuilder from '@pothos/core'
import type { Context } from './context.ts'

export interface SchemaTypes {
  Context: Context
  DefaultFieldNullability: false
  Scalars: {
    DateTime: { Input: Date; Output: Date }
    /** Exact money in USD: "0.0045". */
    Decimal: { Input: string; Output: string }
    /** What goes out may be a RawJson. */
    JSON: { Input: unknown; Output: unknown }
    ID: { Input: string; Output: string }
  }
}

/** The one module-level object: every `*.schema.ts` adds its types to it, `schema.ts` makes the schema of them. */
export const builder = new SchemaBuilder<SchemaTypes>({ defaultFieldNullability: false })

builder.queryType({
  description: 'What can be asked. Every field needs an API key; the schema itself may be introspected without.',
})
builder.mutationType({ description: 'What can be changed. Mutations of one request run one after another.' })
builder.subscriptionType({
  description: 'What can be watched, over WebSocket (graphql-ws) or server-sent events, at the same address.',
})
