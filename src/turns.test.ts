import { expect, test } from 'vitest'
import { inTurns } from './turns.ts'

function busy(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('gives what the work gives, and throws what it throws', async () => {
  expect(await inTurns(() => 1)).toBe(1)
  await expect(
    inTurns(() => {
      throw new Error('broken')
    }),
  ).rejects.toThrow('broken')
})

test('lets others in between long pieces of work, and not between quick ones', async () => {
  async function turnsBetween(ms: number): Promise<number> {
    let turns = 0
    let isDone = false
    const count = () => {
      turns++
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    await Promise.all(Array.from({ length: 10 }, () => inTurns(() => busy(ms))))
    isDone = true
    return turns
  }

  expect(await turnsBetween(25)).toBeGreaterThanOrEqual(8)
  expect(await turnsBetween(0)).toBeLessThanOrEqual(2)
})
