// Makes a key that can only read, watches with it over WebSocket, revokes it, and sees the subscription end.
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/keys.ts
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')

const { createApiKey } = await ask(
  key,
  'mutation { createApiKey(input: { name: "example", scopes: [READ] }) { secret apiKey { id prefix } } }',
)
console.log(`made   ${createApiKey.apiKey.prefix}_…, which can only READ`)

const live = createClient({
  url: `${url.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${createApiKey.secret}` },
})
const events = live.iterate<{ viewerEvents: { scopes: string[] } }>({
  query: 'subscription { viewerEvents { scopes } }',
})

for await (const { data, errors } of events) {
  if (errors) {
    console.log(`ended  ${errors[0]?.extensions?.code}: ${errors[0]?.message}`)
    break
  }
  console.log(`seen   scopes ${data?.viewerEvents.scopes.join(', ')}`)
  await ask(key, `mutation { revokeApiKey(id: "${createApiKey.apiKey.id}") { revokedAt } }`)
  console.log('done   revoked it')
}
await live.dispose()

async function ask(key: string, query: string) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  const { data, errors } = await response.json()
  if (errors) throw new Error(errors[0].message)
  return data
}
