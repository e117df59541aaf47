import { type ModelServer, startModelServer } from './model-server.ts'

/** A service of embeddings that knows two directions: what is about the sea lies in one, all else in the other. */
export interface EncoderServer extends ModelServer {
  /** What becomes of who asks. */
  manner: 'answers' | 'hangs' | 'refuses'
}

export async function startEncoderServer(): Promise<EncoderServer> {
  const server = await startModelServer((response, request) => {
    if (encoder.manner === 'hangs') return
    if (encoder.manner === 'refuses') return void response.writeHead(401).end('{}')
    const { input } = request.body as { input: string[] }
    const data = input.map((text, index) => ({
      index,
      embedding: /sea|beach|swim/.test(text) ? [1, 0, 0] : [0, 1, 0],
    }))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }))
  })
  const encoder: EncoderServer = { ...server, manner: 'answers' }
  return encoder
}
