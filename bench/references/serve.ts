import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'

/** As large as the product's. */
const poolSize = 20

/** What every reference stands on: node:http, pg as it comes, and JSON; nobody is asked who they are. */
export async function serve(
  answer: (body: string, pool: pg.Pool) => Promise<string>,
  prepare?: (pool: pg.Pool) => Promise<unknown>,
): Promise<Server> {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: poolSize })
  await prepare?.(pool)
  const server = createServer(async (request, response) => {
    try {
      const text = await answer(await read(request), pool)
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.end(text)
    } catch (error) {
      console.error(error)
      response.writeHead(500, { 'content-length': 0 }).end()
    }
  })
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  return server
}

function read(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('error', reject)
  })
}
