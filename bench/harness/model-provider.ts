import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Speaks as OpenAI's chat completions do, answers at once and always the same, and says when it was asked. */
export interface ModelProvider {
  baseUrl: string
  /** When the head of the next request is there, on this process' clock. */
  nextRequest(): Promise<number>
  close(): Promise<void>
}

const chunks = [
  { choices: [{ index: 0, delta: { role: 'assistant', content: 'It is on its way.' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  { choices: [], usage: { prompt_tokens: 400, completion_tokens: 6, total_tokens: 406 } },
]
const answer = chunks
  .map((chunk) => ({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'bench', ...chunk }))
  .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
  .concat('data: [DONE]\n\n')
  .join('')

export async function startModelProvider(): Promise<ModelProvider> {
  let hear = (_at: number) => {}
  const server = createServer((request, response) => {
    hear(performance.now())
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    nextRequest: () =>
      new Promise((resolve) => {
        hear = resolve
      }),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
