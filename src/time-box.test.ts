import { expect, test } from 'vitest'
import { OutOfTimeError, withinTime } from './time-box.ts'

test('gives what the task gives, and throws what it throws', () => {
  expect(withinTime(1_000, () => 'done')).toBe('done')
  expect(withinTime(1_000, () => withinTime(1_000, () => 'inner'))).toBe('inner')
  const failure = new TypeError('no')
  expect(() =>
    withinTime(1_000, () => {
      throw failure
    }),
  ).toThrow(failure)
})

test('interrupts a task that never ends, whatever it catches, and serves the next one', () => {
  expect(() => withinTime(20, forever)).toThrow(OutOfTimeError)
  expect(() => withinTime(0, forever)).toThrow(OutOfTimeError)
  expect(withinTime(1_000, () => 'next')).toBe('next')
})

function forever(): never {
  for (;;) {
    try {
      for (;;);
    } catch {}
  }
}
