/** What was waited for did not come in time. It may still happen: a time limit ends the waiting, not the work. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError'
}

export async function withinTimeLimit<Result>(what: string, ms: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(`${what} took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** For farewells, where neither a failure nor a silence changes what is done next. */
export async function isDoneWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  return withinTimeLimit('a farewell', ms, work).then(
    () => true,
    () => false,
  )
}
