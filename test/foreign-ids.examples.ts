import { ApiKeysDocument, RevokeApiKeyDocument, UpdateTenantDocument, ViewerDocument } from './generated/documents.ts'
import type { GraphQLClient, GraphQLErrorAnswer } from './harness/graphql-client.ts'
import { makeKey, type TestTenant } from './harness/tenant.ts'

/** How one place that takes an id answers to the id of another tenant's object. */
export interface ForeignIdExample {
  /** Makes the object in `owner`, a tenant with a key of every scope but OPERATOR. */
  make(owner: TestTenant): Promise<MadeObject>
  /** Calls with that id, or with one that never existed, and with the key of a tenant that doesn't own it. */
  call(client: GraphQLClient, id: string): Promise<ForeignAnswer>
  /**
   * `NOT_FOUND`: refused with that code. `nothing`: null, or an empty list. `its own`: the client chooses such ids
   * (a trace's), and another tenant's object of the same id is simply another one: it is made or used as if alone.
   */
  gets: 'NOT_FOUND' | 'nothing' | 'its own'
}

export interface MadeObject {
  id: string
  /** All of it that the owner can see: what a stranger's call must not change. */
  look(): Promise<unknown>
}

/** What a client got; for a subscription, its first result. */
export interface ForeignAnswer {
  data?: unknown
  errors?: GraphQLErrorAnswer[]
}

/** One entry for every place of schema.graphql that takes an id, under its coordinate; `foreign-ids.test.ts` compares. */
export const foreignIdExamples: Record<string, ForeignIdExample> = {
  'Mutation.revokeApiKey(id:)': {
    async make(owner) {
      const key = await makeKey(owner.client)
      const look = async () => (await owner.client.ask(ApiKeysDocument)).apiKeys.find(({ id }) => id === key.id)
      return { id: key.id, look }
    },
    call: (client, id) => client.send(RevokeApiKeyDocument, { id }),
    gets: 'NOT_FOUND',
  },
  'Mutation.updateTenant(tenantId:)': {
    make: async (owner) => ({ id: owner.id, look: async () => (await owner.client.ask(ViewerDocument)).viewer.tenant }),
    call: (client, tenantId) => client.send(UpdateTenantDocument, { tenantId, input: { name: 'Taken over' } }),
    gets: 'NOT_FOUND',
  },
}
