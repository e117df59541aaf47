import type { ReadyStream } from '../graphql/endable.ts'

/** Takes what a source gives to a client: the next is asked for when the one before has been taken. */
export interface Pump {
  /** Resolves when all has been sent, or as soon as it is stopped; rejects when not even a failure could be sent. */
  run(): Promise<void>
  /** Gives the source back at once, even while it has nothing to give. */
  stop(): Promise<void>
}

interface Options<Value> {
  source: AsyncIterable<Value>
  /** Says with a promise when the next may come, and with nothing that it may at once. */
  send(value: Value): Promise<void> | undefined
  /** What is sent last when the source fails. */
  asLast(failure: unknown): Value
}

export function createPump<Value>({ source, send, asLast }: Options<Value>): Pump {
  const iterator = source[Symbol.asyncIterator]() as ReadyStream<Value>
  let isOver = false
  let finish = () => {}

  async function sendAll(): Promise<void> {
    while (!isOver) {
      const value = iterator.ready?.()
      const next = value === undefined ? await iterator.next() : { value, done: false as const }
      if (isOver || next.done) return
      const taken = send(next.value)
      if (taken) await taken
    }
  }

  async function sendFailure(failure: unknown): Promise<void> {
    if (isOver) return
    // It may have been what the source gave that could not be sent.
    iterator.return?.().catch(() => {})
    await send(asLast(failure))
  }

  return {
    run() {
      const stopped = new Promise<void>((resolve) => {
        finish = resolve
      })
      const sent = sendAll().catch(sendFailure)
      return Promise.race([sent, stopped]).finally(() => {
        isOver = true
      })
    },
    async stop() {
      if (isOver) return
      isOver = true
      finish()
      await iterator.return?.()
    },
  }
}
