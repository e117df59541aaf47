import { readFile } from 'node:fs/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { buildSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Scope, scopes } from '../src/tenants/api-key.ts'
import {
  ApiKeysDocument,
  CreateApiKeyDocument,
  CreateTenantDocument,
  RevokeApiKeyDocument,
  UpdateTenantDocument,
  ViewerDocument,
  ViewerEventsDocument,
} from './generated/documents.ts'
import type { GraphQLErrorAnswer } from './harness/graphql-client.ts'
import { type LiveResult, transports } from './harness/live-client.ts'
import { makeKey } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'
import { until } from './harness/until.ts'

// biome-ignore lint/suspicious/noExplicitAny: a table holds documents of all types.
type AnyDocument = TypedDocumentNode<any, any>

interface Row {
  /** A key with any one of them gets through. */
  needs: readonly Scope[]
  document: AnyDocument
  /** What a key with only that scope may ask for. */
  variables?: (app: TestApp, scope: Scope | undefined) => Promise<object> | object
}

/** Which scope each operation needs: one row for every root field of schema.graphql. */
const rows: Record<string, Row> = {
  'Query.viewer': { needs: scopes, document: ViewerDocument },
  'Query.apiKeys': { needs: ['ADMIN'], document: ApiKeysDocument },
  'Mutation.createTenant': {
    needs: ['OPERATOR'],
    document: CreateTenantDocument,
    variables: () => ({ input: { slug: `s${tenants++}`, name: 'Made by a test' } }),
  },
  'Mutation.updateTenant': {
    needs: ['ADMIN', 'OPERATOR'],
    document: UpdateTenantDocument,
    variables: () => ({ input: { name: 'Renamed' } }),
  },
  'Mutation.createApiKey': {
    needs: ['ADMIN'],
    document: CreateApiKeyDocument,
    variables: (_, scope = 'READ') => ({ input: { name: 'Given on', scopes: [scope] } }),
  },
  'Mutation.revokeApiKey': {
    needs: ['ADMIN'],
    document: RevokeApiKeyDocument,
    variables: async (app) => ({ id: (await makeKey(app.client())).id }),
  },
  'Subscription.viewerEvents': { needs: scopes, document: ViewerEventsDocument },
}
let tenants = 0

describe('scopes', () => {
  let app: TestApp
  const keys = new Map<Scope, string>()

  beforeAll(async () => {
    app = await startTestApp()
    for (const scope of scopes) {
      keys.set(scope, (await makeKey(app.client(), { name: scope, scopes: [scope] })).secret)
    }
  })
  afterAll(() => app.close())

  test('there is a row for every root field of schema.graphql, and for no other', async () => {
    const schema = buildSchema(await readFile(new URL('../schema.graphql', import.meta.url), 'utf8'))
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
    const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}).map((name) => `${type?.name}.${name}`))
    expect(fields).not.toEqual([])
    expect(Object.keys(rows).sort()).toEqual(fields.sort())
  })

  /** HTTP for what ends by itself; the doors of subscriptions for everything, as a client may use them so. */
  const doors = [
    { name: 'HTTP', ask: askOverHttp },
    ...transports.map(({ name, subscribe }) => ({ name, ask: askOver(subscribe) })),
  ]
  const cases = Object.entries(rows).flatMap(([operation, row]) =>
    doors
      .filter(({ name }) => name !== 'HTTP' || !operation.startsWith('Subscription.'))
      .map(({ name, ask }) => ({ operation, row, name, ask })),
  )

  test.each(cases)('$operation over $name', async ({ row, ask }) => {
    for (const scope of scopes) {
      const { data, errors } = await ask(app, keys.get(scope) ?? '', row, scope)
      if (row.needs.includes(scope)) expect({ scope, errors }).toEqual({ scope })
      else {
        expect({ scope, data: data ?? null, code: codeOf(errors) }).toEqual({ scope, data: null, code: 'FORBIDDEN' })
        expect(errors?.[0]?.message).toContain(`your key has ${scope}`)
      }
    }
    const { data, errors } = await ask(app, null, row, undefined)
    expect({ data: data ?? null, code: codeOf(errors) }).toEqual({ data: null, code: 'UNAUTHENTICATED' })
  })
})

type Ask = (app: TestApp, key: string | null, row: Row, scope: Scope | undefined) => Promise<LiveResult<unknown>>

async function askOverHttp(...[app, key, row, scope]: Parameters<Ask>): ReturnType<Ask> {
  return app.client(key).send(row.document, await row.variables?.(app, scope))
}

function askOver(subscribe: (typeof transports)[number]['subscribe']): Ask {
  return async (app, key, row, scope) => {
    const live = subscribe({ url: app.url, key }, row.document, await row.variables?.(app, scope))
    try {
      return await until(() => live.results[0] as LiveResult<unknown> | undefined)
    } finally {
      await live.close()
    }
  }
}

function codeOf(errors: GraphQLErrorAnswer[] | undefined): string | undefined {
  return errors?.map(({ extensions }) => extensions.code).join()
}
