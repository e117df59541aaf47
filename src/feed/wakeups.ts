/**
 * Turns wake-ups into a stream that can be pulled: one value at once, then one whenever the topic was woken or the
 * slow poll is due. Any number of wake-ups while nobody pulls are one. The bus only hurries: a consumer looks at the
 * table each time, so a lost wake-up costs a delay and never an event.
 */
export type WakeupSource = (topic: string) => AsyncIterableIterator<void>

interface Options {
  bus: { listen(topic: string, onWake: () => void): () => void }
  pollMs: number
}

export function createWakeupSource({ bus, pollMs }: Options): WakeupSource {
  return (topic) => new Wakeups((onWake) => bus.listen(topic, onWake), pollMs)
}

/**
 * Not a generator: `return()` of a suspended generator waits for the promise it hangs on, so that a subscription
 * which ended would be held until the next wake-up.
 */
class Wakeups implements AsyncIterableIterator<void> {
  #pending = true
  #done = false
  #waiting: ((result: IteratorResult<void>) => void)[] = []
  readonly #stopListening: () => void
  readonly #timer: NodeJS.Timeout

  constructor(listen: (onWake: () => void) => () => void, pollMs: number) {
    this.#stopListening = listen(() => this.#wake())
    this.#timer = setInterval(() => this.#wake(), pollMs)
    this.#timer.unref()
  }

  next(): Promise<IteratorResult<void>> {
    if (this.#done) return Promise.resolve({ done: true, value: undefined })
    if (this.#pending) {
      this.#pending = false
      return Promise.resolve({ done: false, value: undefined })
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<void>> {
    this.#done = true
    clearInterval(this.#timer)
    this.#stopListening()
    this.#answer({ done: true, value: undefined })
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #wake(): void {
    this.#pending = this.#waiting.length === 0
    this.#answer({ done: false, value: undefined })
  }

  #answer(result: IteratorResult<void>): void {
    for (const resolve of this.#waiting.splice(0)) resolve(result)
  }
}

/** What `map` makes of each value, without those it makes nothing of; the source ends with the stream. */
export function filterMap<In, Out>(
  source: AsyncIterableIterator<In>,
  map: (value: In) => Promise<Out | undefined>,
): AsyncIterableIterator<Out> {
  const end = async (): Promise<IteratorResult<Out>> => {
    await source.return?.()
    return { done: true, value: undefined }
  }
  return {
    async next() {
      for (;;) {
        const next = await source.next()
        if (next.done) return { done: true, value: undefined }
        const value = await map(next.value).catch(async (error) => {
          await source.return?.()
          throw error
        })
        if (value !== undefined) return { done: false, value }
      }
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
