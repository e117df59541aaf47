/**
 * A stream that can be ended from outside with a last value: at once, even while its source has nothing to give. A
 * source that fails ends it too, with what `asLast` makes of the failure. `onEnd` is called once, whoever ended it: the
 * source, its failure, the consumer, or `end`. States: open; ended with a last value still to be pulled; over.
 */
export interface Endable<Value> {
  values: ReadyStream<Value>
  end(last: Value): void
}

/** A stream that may have made more than it was asked for. */
export interface ReadyStream<Value> extends AsyncIterableIterator<Value> {
  /** The next value, if it is there: instead of `next`, whose promises cost more than most values. */
  ready?(): Value | undefined
}

interface Options<Value> {
  source: AsyncIterable<Value>
  asLast: (failure: unknown) => Value
  onEnd: () => void
}

type Give<Value> = (result: IteratorResult<Value>) => void

export function endable<Value>({ source, asLast, onEnd }: Options<Value>): Endable<Value> {
  const iterator = source[Symbol.asyncIterator]() as ReadyStream<Value>
  const over: IteratorResult<Value> = { done: true, value: undefined }
  // Not `Promise.race` with a promise of the end: that one would hold every value until the stream ends.
  const waiting = new Set<Give<Value>>()
  let last: { value: Value } | undefined
  let isOver = false

  function finish(): void {
    if (isOver) return
    isOver = true
    onEnd()
    for (const give of waiting) give(over)
    waiting.clear()
  }

  function pull(give: Give<Value>): void {
    waiting.add(give)
    iterator.next().then(
      (result) => {
        if (!waiting.delete(give)) return
        if (result.done) finish()
        give(result)
      },
      (failure) => {
        if (!waiting.delete(give)) return
        finish()
        give({ done: false, value: asLast(failure) })
      },
    )
  }

  const values: ReadyStream<Value> = {
    next() {
      if (last) {
        const { value } = last
        last = undefined
        return Promise.resolve({ done: false, value })
      }
      return isOver ? Promise.resolve(over) : new Promise(pull)
    },
    ready: () => (isOver ? undefined : iterator.ready?.()),
    async return() {
      last = undefined
      finish()
      await iterator.return?.()
      return over
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }

  return {
    values,
    end(value) {
      if (isOver) return
      const [first] = waiting
      if (first) {
        waiting.delete(first)
        first({ done: false, value })
      } else last = { value }
      finish()
      iterator.return?.()?.catch(() => {})
    },
  }
}
