export interface Usage {
  tenantId: string
  /** `2026-11`, in UTC. */
  month: string
  traces: number
  spans: number
}

export function monthOf(date: Date): string {
  return date.toISOString().slice(0, 7)
}

export function spansLeft(usage: Pick<Usage, 'spans'>, limit: number | null): number | null {
  return limit === null ? null : Math.max(0, limit - usage.spans)
}

const thresholds = [100, 90, 80, 50]

/** The highest threshold in per cent that the usage has reached; subscribers of `viewerEvents` hear of each. */
export function usageThreshold(usage: Pick<Usage, 'spans'>, limit: number | null): number {
  if (limit === null) return 0
  const percent = limit === 0 ? 100 : (usage.spans / limit) * 100
  return thresholds.find((threshold) => percent >= threshold) ?? 0
}

/** The first moment of the next month, in UTC. */
export function renewalOf(date: Date): Date {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1))
}
