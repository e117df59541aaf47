import { builder } from '../graphql/builder.ts'
import { ApiKeyRef } from './api-key.schema.ts'
import type { CreatedTenant } from './tenant.service.ts'
import type { Tenant } from './tenant.ts'

export const TenantRef = builder.objectRef<Tenant>('Tenant').implement({
  description: 'Whose data it is. Everything else belongs to exactly one tenant, and no key sees beyond its own.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, made here: `tn_…`.' }),
    slug: t.exposeString('slug', { description: 'A short name for addresses, unique and fixed.' }),
    name: t.exposeString('name', { description: 'A name for people.' }),
    monthlySpanLimit: t.exposeInt('monthlySpanLimit', {
      nullable: true,
      description: 'How many spans it may take in each month (UTC). Null: as many as it likes.',
    }),
    retentionDays: t.exposeInt('retentionDays', {
      nullable: true,
      description: 'Data older than this is removed daily. Null: kept for good.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const CreatedTenantRef = builder.objectRef<CreatedTenant>('CreatedTenant').implement({
  description: 'A new tenant and its first key.',
  fields: (t) => ({
    tenant: t.expose('tenant', { type: TenantRef, description: 'The tenant.' }),
    apiKey: t.expose('apiKey', { type: ApiKeyRef, description: 'Its first key: every scope but OPERATOR.' }),
    secret: t.exposeString('secret', { description: 'The whole first key, `tm_<id>_<secret>`. Shown only now.' }),
  }),
})

const CreateTenantInput = builder.inputType('CreateTenantInput', {
  description: 'A tenant to make.',
  fields: (t) => ({
    slug: t.string({ required: true, description: '1 to 63 characters of a-z, 0-9 and "-"; unique.' }),
    name: t.string({ required: true, description: 'A name for people, 1 to 200 characters.' }),
    monthlySpanLimit: t.int({ description: 'Spans a month, 0 or more; left out or null: no limit.' }),
    retentionDays: t.int({ description: 'Days to keep data, 1 to 36500; left out or null: for good.' }),
  }),
})

const UpdateTenantInput = builder.inputType('UpdateTenantInput', {
  description: 'What to change of a tenant. What is left out stays as it is.',
  fields: (t) => ({
    name: t.string({ description: 'A name for people, 1 to 200 characters.' }),
    monthlySpanLimit: t.int({ description: 'Spans a month, or null for no limit. Needs the scope OPERATOR.' }),
    retentionDays: t.int({ description: 'Days to keep data, or null for good.' }),
  }),
})

builder.mutationFields((t) => ({
  createTenant: t.field({
    type: CreatedTenantRef,
    description: 'Makes a tenant and its first key. Needs the scope OPERATOR.',
    args: { input: t.arg({ type: CreateTenantInput, required: true, description: 'The tenant to make.' }) },
    resolve: (_, { input }, { services, viewer }) => services.tenants.createTenant(viewer, input),
  }),
  updateTenant: t.field({
    type: TenantRef,
    description: "Changes the key's tenant: needs the scope ADMIN. With OPERATOR, any tenant, and its span limit.",
    args: {
      input: t.arg({ type: UpdateTenantInput, required: true, description: 'What to change.' }),
      tenantId: t.arg.id({ description: "Another tenant than the key's own: for OPERATOR." }),
    },
    resolve: (_, { input, tenantId }, { services, viewer }) =>
      services.tenants.updateTenant(viewer, input, tenantId ?? undefined),
  }),
}))
