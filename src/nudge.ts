/** Says that something is due; whoever does it looks for all of it. */
export interface Nudge {
  /** Many in a short while are one. */
  soon(): void
  /** What was nudged for before is in the queue. */
  flush(): Promise<void>
}

interface Options {
  send(): Promise<unknown>
  onError: (error: unknown) => void
  afterMs: number
}

/** A nudge costs whoever gives it nothing, and may get lost: then a sweep comes. */
export function createNudge({ send, onError, afterMs }: Options): Nudge {
  let timer: NodeJS.Timeout | undefined
  let sent = Promise.resolve()

  function sendNow(): void {
    clearTimeout(timer)
    timer = undefined
    sent = Promise.all([sent, send().catch(onError)]).then(() => {})
  }

  return {
    soon() {
      timer ??= setTimeout(sendNow, afterMs)
    },
    async flush() {
      if (timer) sendNow()
      await sent
    },
  }
}
