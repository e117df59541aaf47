import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { type DocumentNode, print } from 'graphql'

export interface GraphQLErrorAnswer {
  message: string
  path?: (string | number)[]
  extensions: { code: string; field?: string; limit?: string; max?: number; [key: string]: unknown }
}

export interface Answer<Data> {
  status: number
  headers: Headers
  data?: Data | null
  errors?: GraphQLErrorAnswer[]
}

/** What any client is: HTTP and JSON. A document is typed, or a text where it is meant to be wrong. */
export interface GraphQLClient {
  url: string
  key: string | null
  send<Data, Given>(document: TypedDocumentNode<Data, Given> | string, variables?: Given): Promise<Answer<Data>>
  /** The data; throws what the server said where there are errors. */
  ask<Data, Given>(document: TypedDocumentNode<Data, Given> | string, variables?: Given): Promise<Data>
  /** The one error's code; throws where there is none. */
  refusal<Data, Given>(
    document: TypedDocumentNode<Data, Given> | string,
    variables?: Given,
  ): Promise<GraphQLErrorAnswer>
}

export function createGraphQLClient(url: string, key: string | null): GraphQLClient {
  async function send<Data, Given>(document: TypedDocumentNode<Data, Given> | string, variables?: Given) {
    const body = JSON.stringify({ query: textOf(document), variables })
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers: headersOf(key), body })
    const answer = (await response.json()) as Pick<Answer<Data>, 'data' | 'errors'>
    return { ...answer, status: response.status, headers: response.headers }
  }

  return {
    url,
    key,
    send,
    async ask(document, variables) {
      const { data, errors } = await send(document, variables)
      if (errors || !data) throw new Error(`the server answered ${JSON.stringify(errors ?? data)}`)
      return data
    },
    async refusal(document, variables) {
      const { data, errors } = await send(document, variables)
      if (errors?.length !== 1 || !errors[0])
        throw new Error(`one error was expected, got ${JSON.stringify({ data, errors })}`)
      return errors[0]
    },
  }
}

export function textOf(document: DocumentNode | string): string {
  return typeof document === 'string' ? document : print(document)
}

export function headersOf(key: string | null): Record<string, string> {
  return { 'content-type': 'application/json', ...(key !== null && { authorization: `Bearer ${key}` }) }
}
