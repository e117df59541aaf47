import { expect, test } from 'vitest'
import { createWindowTurns } from './window-turns.ts'

function startTurns() {
  const announced: [number, Float32Array | null][] = []
  const turns = createWindowTurns((id, vector) => announced.push([id, vector]))
  return { turns, announced, take: (max: number) => turns.take(max).map(({ text }) => text) }
}

test('a batch is filled with the windows of one text where there is no other', () => {
  const { turns, take } = startTurns()
  turns.add({ id: 1, parts: [['a', 'b'], [], ['c']] })
  expect(take(2)).toEqual(['a', 'b'])
  expect(take(2)).toEqual(['c'])
  expect(take(2)).toEqual([])
})

test('a newcomer comes up after one window of each other text, and delays none for ever', () => {
  const { turns, take } = startTurns()
  turns.add({ id: 1, parts: [['a1', 'a2', 'a3', 'a4']] })
  turns.add({ id: 2, parts: [['b1', 'b2', 'b3', 'b4']] })
  expect(take(2)).toEqual(['a1', 'b1'])
  turns.add({ id: 3, parts: [['query']] })
  expect(take(2)).toEqual(['a2', 'b2'])
  turns.add({ id: 4, parts: [['another']] })
  expect(take(4)).toEqual(['query', 'a3', 'b3', 'another'])
  expect(take(4)).toEqual(['a4', 'b4'])
})

test('a text is announced when the last of its windows is given, in whatever order', () => {
  const { turns, announced } = startTurns()
  turns.add({ id: 1, parts: [['a', 'b'], ['c']] })
  const [a, b, c] = turns.take(3)
  c?.give(Float32Array.of(0, 1))
  a?.give(Float32Array.of(1, 0))
  expect(announced).toEqual([])
  b?.give(Float32Array.of(1, 0))
  expect(announced).toEqual([[1, Float32Array.of(Math.SQRT1_2, Math.SQRT1_2)]])
})

test('a text without a window has no vector, at once', () => {
  const { turns, announced } = startTurns()
  turns.add({ id: 7, parts: [[], []] })
  expect(announced).toEqual([[7, null]])
})

test('what is dropped gives no window any more', () => {
  const { turns, take } = startTurns()
  turns.add({ id: 1, parts: [['a1', 'a2']] })
  turns.add({ id: 2, parts: [['b1']] })
  expect(take(1)).toEqual(['a1'])
  turns.drop(1)
  turns.drop(9)
  expect(take(4)).toEqual(['b1'])
})
