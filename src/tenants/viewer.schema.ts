import { builder } from '../graphql/builder.ts'
import { ApiKeyRef, ScopeRef } from './api-key.schema.ts'
import { TenantRef } from './tenant.schema.ts'
import type { ViewerState } from './viewer.ts'

const ViewerRef = builder.objectRef<ViewerState>('Viewer').implement({
  description: 'Whoever holds the key of the request.',
  fields: (t) => ({
    tenant: t.expose('tenant', { type: TenantRef, description: 'Whose data the key opens.' }),
    apiKey: t.expose('apiKey', { type: ApiKeyRef, description: 'The key itself.' }),
    scopes: t.field({ type: [ScopeRef], description: 'What the key may do.', resolve: ({ apiKey }) => apiKey.scopes }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerRef,
    description: 'Who am I? Any live key may ask.',
    resolve: (_, __, { services, viewer }) => services.viewer.getViewer(viewer),
  }),
)

builder.subscriptionField('viewerEvents', (t) =>
  t.field({
    type: ViewerRef,
    description:
      'The viewer now, and again whenever the key, the limits of its tenant, or the threshold that its usage has ' +
      'reached (50, 80, 90, 100 per cent of the limit) changes. Ends with UNAUTHENTICATED when the key does.',
    subscribe: (_, __, { services, viewer }) => services.viewer.watchViewer(viewer),
    resolve: (state) => state,
  }),
)
