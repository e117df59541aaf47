import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Speaks as OpenAI's chat completions do, always says the same, and when it was asked and said what. */
export interface ModelProvider {
  baseUrl: string
  /** When the head of the next request is there, on this process' clock. */
  nextRequest(): Promise<number>
  /** When each of its words was sent, to whoever asked last. */
  readonly saidAt: readonly number[]
  close(): Promise<void>
}

export interface Speech {
  words: readonly string[]
  /** Between two of them. */
  everyMs: number
}

const atOnce = { words: ['It is on its way.'], everyMs: 0 }

const sent = (chunk: object) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'bench', ...chunk })}\n\n`
const ending = [
  sent({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
  sent({ choices: [], usage: { prompt_tokens: 400, completion_tokens: 6, total_tokens: 406 } }),
  'data: [DONE]\n\n',
].join('')

export async function startModelProvider({ words, everyMs }: Speech = atOnce): Promise<ModelProvider> {
  let hear = (_at: number) => {}
  let saidAt: number[] = []
  const server = createServer(async (request, response) => {
    hear(performance.now())
    saidAt = []
    await once(request.resume(), 'end')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const content of words) {
      if (everyMs > 0) await pause(everyMs)
      saidAt.push(performance.now())
      response.write(sent({ choices: [{ index: 0, delta: { role: 'assistant', content } }] }))
    }
    response.end(ending)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    nextRequest: () =>
      new Promise((resolve) => {
        hear = resolve
      }),
    get saidAt() {
      return saidAt
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
