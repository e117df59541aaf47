import { builder } from '../graphql/builder.ts'
import { TenantRef } from './tenant.schema.ts'
import type { Tenant } from './tenant.ts'
import { spansLeft, type Usage } from './usage.ts'

interface TenantUsage {
  tenant: Tenant
  usage: Usage
}

const UsageRef = builder.objectRef<TenantUsage>('Usage').implement({
  description: 'What a tenant took in during the current month (UTC).',
  fields: (t) => ({
    month: t.string({ description: 'The month: `2026-11`.', resolve: ({ usage }) => usage.month }),
    traces: t.int({ description: 'Traces taken in.', resolve: ({ usage }) => usage.traces }),
    spans: t.int({ description: 'Spans taken in; a duplicate counts once.', resolve: ({ usage }) => usage.spans }),
    spanLimit: t.int({
      nullable: true,
      description: 'How many spans the month allows. Null: no limit.',
      resolve: ({ tenant }) => tenant.monthlySpanLimit,
    }),
    spansLeft: t.int({
      nullable: true,
      description: 'How many are left of the limit, never below 0. Null: no limit.',
      resolve: ({ tenant, usage }) => spansLeft(usage, tenant.monthlySpanLimit),
    }),
  }),
})

builder.objectField(TenantRef, 'usage', (t) =>
  t.field({
    type: UsageRef,
    description: 'What it took in this month, and what is left.',
    resolve: async (tenant, _, { loaders }) => ({ tenant, usage: await loaders.usageByTenantId.load(tenant.id) }),
  }),
)
