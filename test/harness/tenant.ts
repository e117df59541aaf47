import { randomBytes } from 'node:crypto'
import type { CreateApiKeyInput, CreateTenantInput } from '../generated/documents.ts'
import { CreateApiKeyDocument, CreateTenantDocument } from '../generated/documents.ts'
import type { GraphQLClient } from './graphql-client.ts'
import type { TestApp } from './test-app.ts'

export interface TestTenant {
  id: string
  slug: string
  /** Its first key: every scope but OPERATOR. */
  key: string
  keyId: string
  /** Speaks with the first key. */
  client: GraphQLClient
}

/** Another tenant than the default one, made as a client makes it. */
export async function makeTenant(app: TestApp, input: Partial<CreateTenantInput> = {}): Promise<TestTenant> {
  const slug = `t-${randomBytes(6).toString('hex')}`
  const { createTenant } = await app.client().ask(CreateTenantDocument, { input: { slug, name: 'A tenant', ...input } })
  const { tenant, apiKey, secret } = createTenant
  return { id: tenant.id, slug: tenant.slug, key: secret, keyId: apiKey.id, client: app.client(secret) }
}

export interface TestKey {
  id: string
  /** The whole key. */
  secret: string
}

export async function makeKey(maker: GraphQLClient, input: Partial<CreateApiKeyInput> = {}): Promise<TestKey> {
  const { createApiKey } = await maker.ask(CreateApiKeyDocument, {
    input: { name: 'A key', scopes: ['READ'], ...input },
  })
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret }
}
