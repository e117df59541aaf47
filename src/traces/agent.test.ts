import { expect, test } from 'vitest'
import { encodeCursor, type PageRequest } from '../page.ts'
import { agentCursor, readAgentPosition, requireChoice } from './agent.ts'

test('an agent is chosen by its id or its name, whatever is null', () => {
  expect(requireChoice({ id: 'ag_1' })).toEqual({ id: 'ag_1' })
  expect(requireChoice({ id: null, name: 'support' })).toEqual({ name: 'support' })
  expect(requireChoice({ id: '', name: null })).toEqual({ id: '' })
  expect(requireChoice({ name: 'nul \0' })).toEqual({ name: 'nul \uFFFD' })
})

test.each([
  [{}, 'neither'],
  [{ id: null, name: null }, 'neither'],
  [{ id: 'ag_1', name: 'support' }, 'both'],
])('%j is refused', (choice, got) => {
  expect(() => requireChoice(choice)).toThrow(`An agent is asked for by its id or by its name; got ${got}.`)
})

test('a cursor leads back to its place, cleaned of what PostgreSQL refuses', () => {
  const at = (cursor: string) => readAgentPosition(request(cursor))
  expect(readAgentPosition({ ...request(''), from: null })).toBeNull()
  expect(at(agentCursor({ name: 'süß "q"', id: 'ag_1' }))).toEqual({ name: 'süß "q"', id: 'ag_1' })
  expect(at(agentCursor({ name: 'a\0', id: 'b\0' }))).toEqual({ name: 'a\uFFFD', id: 'b\uFFFD' })
})

test.each([[['a']], [['a', 1]], [[null, 'ag_1']], [['a', 'b', 'c']]])('%j is no place among agents', (parts) => {
  expect(() => readAgentPosition(request(encodeCursor(parts)))).toThrow('"after" must be a cursor')
})

function request(cursor: string): PageRequest {
  const from = cursor ? JSON.parse(Buffer.from(cursor, 'base64url').toString()) : null
  return { size: 1, isBackward: false, cursorField: 'after', from }
}
