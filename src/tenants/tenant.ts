import { ConflictError, InvalidInputError } from '../errors.ts'
import { newId } from '../ids.ts'
import { requireName } from './name.ts'

export interface Tenant {
  id: string
  slug: string
  name: string
  /** Null: no limit. */
  monthlySpanLimit: number | null
  /** Null: kept for good. */
  retentionDays: number | null
  createdAt: Date
}

export interface CreateTenantInput {
  slug: string
  name: string
  monthlySpanLimit?: number | null | undefined
  retentionDays?: number | null | undefined
}

/** What is absent stays; null takes a limit away. */
export interface UpdateTenantInput {
  name?: string | null | undefined
  monthlySpanLimit?: number | null | undefined
  retentionDays?: number | null | undefined
}

export type TenantChange = Partial<Pick<Tenant, 'name' | 'monthlySpanLimit' | 'retentionDays'>>

export class SlugTakenError extends ConflictError {
  constructor(slug: string) {
    super(`There is a tenant "${slug}" already.`, { field: 'input.slug' })
  }
}

/** Woken when one of the tenant's keys may have ended: what is remembered of keys is looked up again. */
export function keysTopic(tenantId: string): string {
  return `keys/${tenantId}`
}

/** Woken when something changed that a viewer of the tenant should see: the tenant, its keys, its usage. */
export function tenantTopic(tenantId: string): string {
  return `tenant/${tenantId}`
}

/** Anything else (a NUL byte, which PostgreSQL refuses) is no id of ours. */
export function isTenantId(id: string): boolean {
  return /^tn_[0-9a-z]{1,40}$/.test(id)
}

export function newTenant(input: CreateTenantInput, now = new Date()): Tenant {
  return {
    id: newId('tn'),
    slug: requireSlug(input.slug),
    name: requireName(input.name, 'input.name'),
    monthlySpanLimit: requireSpanLimit(input.monthlySpanLimit ?? null),
    retentionDays: requireRetentionDays(input.retentionDays ?? null),
    createdAt: now,
  }
}

export function tenantChange(input: UpdateTenantInput): TenantChange {
  if (input.name === null) throw new InvalidInputError('input.name', 'A tenant needs a name; leave it out to keep it.')
  return {
    ...(input.name !== undefined && { name: requireName(input.name, 'input.name') }),
    ...(input.monthlySpanLimit !== undefined && { monthlySpanLimit: requireSpanLimit(input.monthlySpanLimit) }),
    ...(input.retentionDays !== undefined && { retentionDays: requireRetentionDays(input.retentionDays) }),
  }
}

function requireSlug(slug: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(slug)) return slug
  throw new InvalidInputError(
    'input.slug',
    `A slug has 1 to 63 characters of a-z, 0-9 and "-", and "-" neither first nor last; got ${JSON.stringify(slug.slice(0, 80))}.`,
  )
}

function requireSpanLimit(limit: number | null): number | null {
  if (limit === null || limit >= 0) return limit
  throw new InvalidInputError(
    'input.monthlySpanLimit',
    `monthlySpanLimit is 0 or more, or null for none; got ${limit}.`,
  )
}

function requireRetentionDays(days: number | null): number | null {
  if (days === null || (days >= 1 && days <= 36_500)) return days
  throw new InvalidInputError('input.retentionDays', `retentionDays is 1 to 36500, or null for ever; got ${days}.`)
}
