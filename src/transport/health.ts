import { withinTimeLimit } from '../infra/time-limit.ts'

export interface Health {
  status: 200 | 503
  body: { status: 'ready' | 'unavailable'; checks: Record<string, string> }
}

/** Ready is who can do its work now. Each dependency is asked, all at once, and gets a moment to answer. */
export async function checkReadiness(checks: Record<string, () => Promise<unknown>>, limitMs = 3_000): Promise<Health> {
  const answers = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const answer = await withinTimeLimit(name, limitMs, check()).then(() => 'ok', reasonOf)
      return [name, answer] as const
    }),
  )
  const isReady = answers.every(([, answer]) => answer === 'ok')
  return {
    status: isReady ? 200 : 503,
    body: { status: isReady ? 'ready' : 'unavailable', checks: Object.fromEntries(answers) },
  }
}

/** What failed, in the words of whoever failed: `connect ECONNREFUSED 127.0.0.1:5432`. */
function reasonOf(error: unknown): string {
  const { cause, message, code } = error as Error & { code?: string }
  const reason = cause instanceof Error && cause.message ? cause.message : message
  return reason || code || 'failed'
}
