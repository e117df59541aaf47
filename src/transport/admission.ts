import { LimitError, UnauthenticatedError } from '../errors.ts'
import type { RateLimiter } from '../infra/rate-limiter.ts'
import type { AuthenticationService } from '../tenants/authentication.service.ts'
import { anonymous, type Viewer } from '../tenants/viewer.ts'

/** Whose operation it is, and whether there are not too many of them: asked by every transport, before anything else. */
export interface Admission {
  admit(authorization: string | undefined, remoteAddress: string | undefined): Promise<Viewer>
}

interface Options {
  authentication: AuthenticationService
  /** Null: no limit. */
  limiter: RateLimiter | null
  perMinute: number
}

export function createAdmission({ authentication, limiter, perMinute }: Options): Admission {
  /** Whoever shows no valid key is counted by address; a valid one is never refused for what others at its address did. */
  async function count(who: string): Promise<void> {
    const taken = await limiter?.take(who)
    if (!taken || taken.allowed) return
    throw new LimitError(
      'RATE_LIMITED',
      `${perMinute} requests a minute is the limit; try again in ${taken.retryAfterSeconds} s.`,
      { limit: 'TRACEMEND_MAX_REQUESTS_PER_MINUTE', max: perMinute, retryAfterSeconds: taken.retryAfterSeconds },
    )
  }

  return {
    async admit(authorization, remoteAddress = 'unknown') {
      try {
        const viewer = await authentication.authenticate(authorization)
        await count(viewer === anonymous ? `address/${remoteAddress}` : `key/${viewer.keyId}`)
        return viewer
      } catch (error) {
        if (error instanceof UnauthenticatedError) await count(`address/${remoteAddress}`)
        throw error
      }
    },
  }
}
