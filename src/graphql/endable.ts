/**
 * A stream that can be ended from outside with a last value: at once, even while its source has nothing to give.
 * `onEnd` is called once, whoever ended it: the source, the consumer, or `end`.
 */
export interface Endable<Value> {
  values: AsyncIterableIterator<Value>
  end(last: Value): void
}

export function endable<Value>(source: AsyncIterable<Value>, onEnd: () => void): Endable<Value> {
  const iterator = source[Symbol.asyncIterator]()
  const ending = deferred<IteratorResult<Value>>()
  let isEnded = false
  let isDone = false

  function finish(): IteratorResult<Value> {
    if (!isDone) onEnd()
    isDone = true
    return { done: true, value: undefined }
  }

  const values: AsyncIterableIterator<Value> = {
    async next() {
      if (isDone) return finish()
      try {
        const next = await Promise.race([ending.promise, iterator.next()])
        if (next.done || isEnded) finish()
        return next
      } catch (error) {
        finish()
        throw error
      }
    },
    async return() {
      finish()
      ending.resolve({ done: true, value: undefined })
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }

  return {
    values,
    end(last) {
      if (isEnded || isDone) return
      isEnded = true
      ending.resolve({ done: false, value: last })
      iterator.return?.()?.catch(() => {})
    },
  }
}

function deferred<Value>() {
  let resolve: (value: Value) => void = () => {}
  const promise = new Promise<Value>((each) => {
    resolve = each
  })
  return { promise, resolve }
}
