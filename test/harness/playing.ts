import type http from 'node:http'
import {
  CreatePlaygroundSessionDocument,
  type ModelConfigInput,
  PlaygroundRunDocument,
  type PlaygroundRunEventsSubscription,
  type PromptContentInput,
  RunPlaygroundDocument,
  SetProviderDocument,
} from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'
import type { Live } from './live-client.ts'
import { answerEvents, type ModelServer, startModelServer } from './model-server.ts'
import { makePrompt, publish, saying } from './prompt.ts'
import { until } from './until.ts'

/** What a client does to see a model answer. */
export interface Playing {
  setProvider(baseUrl: string, name?: string): Promise<void>
  /** A session of a fresh prompt; its model is of the provider that was set. */
  open(content?: PromptContentInput, model?: ModelConfigInput): Promise<string>
  start(sessionId: string): Promise<string>
  look(id: string): ReturnType<typeof lookAt>
  ended(id: string): ReturnType<typeof lookAt>
}

export function playWith(client: GraphQLClient): Playing {
  const look = (id: string) => lookAt(client, id)
  return {
    async setProvider(baseUrl, name = 'served') {
      const input = { name, type: 'OPENAI_COMPATIBLE' as const, baseUrl, apiKey: 'sk-a-secret-of-ours-1234' }
      await client.ask(SetProviderDocument, { input })
    },
    async open(content = saying('Say hello.'), model = { provider: 'served', name: 'm' }) {
      const { name } = await makePrompt(client, { ...content, model })
      await publish(client, name)
      const { createPlaygroundSession } = await client.ask(CreatePlaygroundSessionDocument, {
        input: { promptName: name },
      })
      return createPlaygroundSession.id
    },
    async start(sessionId) {
      return (await client.ask(RunPlaygroundDocument, { sessionId })).runPlayground.id
    },
    look,
    ended: (id) =>
      until(async () => {
        const run = await look(id)
        return !['QUEUED', 'RUNNING'].includes(run.status) && run
      }),
  }
}

async function lookAt(client: GraphQLClient, id: string) {
  const { playgroundRun } = await client.ask(PlaygroundRunDocument, { id })
  if (!playgroundRun) throw new Error(`no run ${id}`)
  return playgroundRun
}

/** What the mutation itself answers. */
export async function cancelRun(client: GraphQLClient, runId: string): Promise<CanceledRun> {
  const document = 'mutation ($runId: ID!) { cancelPlaygroundRun(runId: $runId) { status text error { code } } }'
  const answer = await client.ask<{ cancelPlaygroundRun: CanceledRun }, { runId: string }>(document, { runId })
  return answer.cancelPlaygroundRun
}

export interface CanceledRun {
  status: string
  text: string
  error: { code: string } | null
}

/** A provider that says the first part of its answer at once, and the others when it is told to. */
export interface HesitantServer extends ModelServer {
  half: string
  more: string
  whole: string
  sayMore(): void
  sayTheRest(): void
}

export async function startHesitantServer(): Promise<HesitantServer> {
  const [half, more, rest] = ['Half of it. ', 'And more. ', 'The rest.']
  const [hello = '', first = '', second = '', ...others] = answerEvents('OPENAI_COMPATIBLE', [half, more, rest])
  const open = new Map<http.ServerResponse, string[]>()
  const server = await startModelServer((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(hello + first)
    open.set(response, [second, ...others])
  })
  return {
    ...server,
    half,
    more,
    whole: half + more + rest,
    sayMore() {
      for (const [response, events] of open) response.write(events.shift())
    },
    sayTheRest() {
      for (const [response, events] of open) response.end(events.join(''))
      open.clear()
    },
  }
}

type Watching = Live<PlaygroundRunEventsSubscription>

/** All that a subscriber was told, put together; throws where an offset shows a gap, or something was told twice. */
export function textOf({ results }: Watching): string {
  let text = ''
  for (const { data } of results) {
    if (!data) continue
    const { offset, delta } = data.playgroundRunEvents
    if (offset !== text.length) throw new Error(`an event begins at ${offset}, where ${text.length} had been told`)
    text += delta
  }
  return text
}

/** It was told the end of the run, or by an error that it has to come back. */
export function isToldTheEnd({ results, closeCode }: Watching): boolean {
  const last = results.at(-1)
  const isOver = last?.data?.playgroundRunEvents.done === true
  return isOver || last?.errors?.[0]?.extensions.code === 'UNAVAILABLE' || closeCode === 1012
}
