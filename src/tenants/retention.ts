/**
 * What a domain keeps only for a tenant's `retentionDays`. Each domain joins with its own rules, in `src/services.ts`.
 * A rule removes at most `limit` rows a call, so that no transaction grows long, and says how many there were.
 */
export interface RetentionRule {
  name: string
  removeBefore(tenantId: string, before: Date, limit: number): Promise<number>
}

const dayMs = 86_400_000

export function retentionStart(retentionDays: number, now: Date): Date {
  return new Date(now.getTime() - retentionDays * dayMs)
}
