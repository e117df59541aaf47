/**
 * Work that may take long goes through here, so that others get in between: when what was done in one turn of the event
 * loop has taken long enough, the next one waits for another turn. Whoever else is there waits for one piece of work, not
 * for all fifty of a request. What is quick is done at once.
 */
export async function inTurns<Result>(work: () => Result): Promise<Result> {
  while (spentMs >= longEnoughMs) await nextTurn()
  const started = performance.now()
  try {
    return work()
  } finally {
    spentMs += performance.now() - started
  }
}

const longEnoughMs = 20
let spentMs = 0
let next: Promise<void> | null = null

function nextTurn(): Promise<void> {
  next ??= new Promise((resolve) =>
    setImmediate(() => {
      next = null
      spentMs = 0
      resolve()
    }),
  )
  return next
}
