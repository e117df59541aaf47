import { setTimeout as pause } from 'node:timers/promises'

const everyMs = 20
const limitMs = 30_000

/**
 * Waits for a fact, never for time: resolves with the first answer that is neither false nor missing. The limit only
 * ends a wait that would be endless; it says nothing about how long anything may take.
 */
export async function until<Fact>(look: () => Fact | Promise<Fact>): Promise<NonNullable<Exclude<Fact, false>>> {
  const called = new Error(`waited ${limitMs} ms in vain for: ${look}`)
  for (const deadline = Date.now() + limitMs; Date.now() < deadline; await pause(everyMs)) {
    const fact = await look()
    if (fact !== false && fact !== null && fact !== undefined) return fact as NonNullable<Exclude<Fact, false>>
  }
  throw called
}

/** Where something takes longer than one wait may: until what a process left, or what had failed, is taken up again. */
export async function untilAtLast<Fact>(look: () => Fact | Promise<Fact>) {
  return until(look)
    .catch(() => until(look))
    .catch(() => until(look))
}
