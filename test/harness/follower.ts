import { setTimeout as pause } from 'node:timers/promises'
import { TraceEventKindsDocument, type TraceFilter } from '../generated/documents.ts'
import type { LiveOptions, Subscribe } from './live-client.ts'

/** A client as PROTOCOL.md wants one: whatever happens it comes back, with the cursor of the last event that it saw. */
export interface Follower {
  /** `KIND id` of each event. */
  told: string[]
  cursors: string[]
  /** The code of each error with which a subscription ended; where it broke off, nothing. */
  codes: string[]
  /** How often it subscribed. */
  subscribed: number
  stop(): Promise<void>
}

interface Options {
  subscribe: Subscribe
  place: () => LiveOptions
  after: string
  filter?: TraceFilter
}

const againMs = 50

export function follow({ subscribe, place, after, filter = {} }: Options): Follower {
  let isStopped = false

  async function followOnce(): Promise<void> {
    const live = subscribe(place(), TraceEventKindsDocument, { filter, after: follower.cursors.at(-1) ?? after })
    follower.subscribed++
    let taken = 0
    function take(): void {
      for (const { data, errors } of live.results.slice(taken)) {
        taken++
        follower.codes.push(...(errors ?? []).map(({ extensions }) => extensions.code))
        if (!data) continue
        follower.told.push(`${data.traceEvents.kind} ${data.traceEvents.traceId}`)
        follower.cursors.push(data.traceEvents.cursor)
      }
    }
    for (; !isStopped && live.ended === false; await pause(10)) take()
    take()
    // It may still be connecting, and fail.
    await live.close().catch(() => {})
  }

  async function followOn(): Promise<void> {
    for (; !isStopped; await pause(againMs)) await followOnce()
  }

  const follower: Follower = {
    told: [],
    cursors: [],
    codes: [],
    subscribed: 0,
    async stop() {
      isStopped = true
      await following
    },
  }
  const following = followOn()
  return follower
}
