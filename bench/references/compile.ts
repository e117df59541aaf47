/**
 * GraphQL Yoga as it comes, without logs: one field, whose answers are made already. They are told at `/answers`, as an
 * object by the question that is among the variables. The schema has the product's types, so that the same document
 * with the same variables is parsed, validated, executed field by field and written out; all that is missing is whose
 * prompt it is, and compiling it.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { buildSchema } from 'graphql'
import { createYoga } from 'graphql-yoga'

const schema = buildSchema(`
  scalar JSON
  type Query { compilePrompt(name: String!, variables: JSON): CompiledPrompt! }
  type CompiledPrompt {
    etag: String!
    messages: JSON!
    blocks: [CompiledBlock!]!
    missingVariables: [String!]!
    unknownVariables: [String!]!
  }
  type CompiledBlock { block: PromptBlock! included: Boolean! text: String }
  type PromptBlock { id: ID! }`)

let answers: Record<string, unknown> = {}

const field = schema.getQueryType()?.getFields().compilePrompt
if (field) field.resolve = (_, { variables }) => answers[variables.question]

const yoga = createYoga({ schema, logging: false })

const server = createServer(async (request, response) => {
  if (request.url !== '/answers') return yoga(request, response)
  answers = (await json(request)) as Record<string, unknown>
  response.writeHead(200, { 'content-length': 2 }).end('{}')
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
