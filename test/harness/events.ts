import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { FeedCursorDocument } from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'
import { type Live, type Subscribe, subscribeOverWebSocket } from './live-client.ts'
import { until } from './until.ts'

/** What follows is what happens from now on. */
export async function momentOf(client: GraphQLClient): Promise<string> {
  return (await client.ask(FeedCursorDocument)).feedCursor
}

export interface Watched<Event> {
  /** What it was told, in order. Throws what the server said where it was refused. */
  events(): Event[]
  /** Resolves with what it was told, when that is so much or more. */
  told(count: number): Promise<Event[]>
  live: Live<unknown>
  close(): Promise<void>
}

/** A subscription with one field, and the values of that field. */
export function watch<Data extends object, Given>(
  { url, key }: Pick<GraphQLClient, 'url' | 'key'>,
  document: TypedDocumentNode<Data, Given>,
  variables: Given,
  subscribe: Subscribe = subscribeOverWebSocket,
): Watched<Data[Exclude<keyof Data, '__typename'>]> {
  type Event = Data[Exclude<keyof Data, '__typename'>]
  const live = subscribe({ url, key }, document, variables)
  const events = () =>
    live.results.map(({ data, errors }) => {
      if (errors || !data) throw new Error(`the server answered ${JSON.stringify(errors)}`)
      return Object.values(data)[0] as Event
    })
  return {
    events,
    async told(count) {
      await until(() => live.results.length >= count || live.ended)
      return events()
    },
    live,
    close: () => live.close(),
  }
}
