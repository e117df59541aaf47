import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import type { CreatedApiKey } from './api-key.service.ts'
import type { ApiKey, Scope } from './api-key.ts'

const scopeDescriptions: Record<Scope, string> = {
  INGEST: 'Send traces.',
  READ: 'Read everything of the tenant but its keys.',
  EDIT: 'Draft prompts, edit playground sessions and say how traces turned out.',
  RUN: 'Call models, which spends money.',
  PUBLISH: 'Publish prompts and move their labels.',
  ADMIN: "Manage the tenant's keys, providers, prices and settings, and delete traces.",
  OPERATOR: 'Make tenants, and change any of them.',
}

export const ScopeRef = builder.enumType('Scope', {
  description: 'What a key may do. A key has any number of them; none includes another.',
  values: describedValues(scopeDescriptions),
})

export const ApiKeyRef = builder.objectRef<ApiKey>('ApiKey').implement({
  description: 'A key to the API. Its secret is shown once, when it is made; only a hash is stored.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its public part.' }),
    name: t.exposeString('name', { description: 'What it is for, in words.' }),
    prefix: t.string({ description: 'How the key begins: `tm_<id>`.', resolve: ({ id }) => `tm_${id}` }),
    scopes: t.expose('scopes', { type: [ScopeRef], description: 'What it may do.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'When it ends by itself.' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'When it was revoked.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, a few seconds late.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const CreatedApiKeyRef = builder.objectRef<CreatedApiKey>('CreatedApiKey').implement({
  description: 'A new key, with its secret.',
  fields: (t) => ({
    apiKey: t.expose('apiKey', { type: ApiKeyRef, description: 'The key as it will be listed.' }),
    secret: t.exposeString('secret', { description: 'The whole key, `tm_<id>_<secret>`. Shown only now.' }),
  }),
})

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: "A key to make. It can't be given more than the key that makes it has.",
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is for, 1 to 200 characters.' }),
    scopes: t.field({ type: [ScopeRef], required: true, description: 'What it may do; at least one.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it ends by itself; left out or null: never.' }),
  }),
})

builder.queryField('apiKeys', (t) =>
  t.field({
    type: [ApiKeyRef],
    description: "The tenant's keys, oldest first, ended ones included. Needs the scope ADMIN.",
    resolve: (_, __, { services, viewer }) => services.apiKeys.listApiKeys(viewer),
  }),
)

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: CreatedApiKeyRef,
    description: "Makes a key of the viewer's tenant. Needs the scope ADMIN.",
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key to make.' }) },
    resolve: (_, { input }, { services, viewer }) => services.apiKeys.createApiKey(viewer, input),
  }),
  revokeApiKey: t.field({
    type: ApiKeyRef,
    description: 'Ends a key for good, within a second everywhere, its open subscriptions too. Needs the scope ADMIN.',
    args: { id: t.arg.id({ required: true, description: "The key's id." }) },
    resolve: (_, { id }, { services, viewer }) => services.apiKeys.revokeApiKey(viewer, id),
  }),
}))
