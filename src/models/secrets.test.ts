import { expect, test } from 'vitest'
import { withoutSecrets } from './secrets.ts'

test.each([
  ['Incorrect API key provided: my+key/1.', 'Incorrect API key provided: [secret].'],
  ['key=my%2Bkey%2F1', 'key=[secret]'],
  [Buffer.from('my+key/1').toString('base64'), '[secret]'],
  ['Authorization: Bearer abc.def-123, and more', 'Authorization: Bearer [secret], and more'],
  ['provided: sk-proj-********************wxyz', 'provided: [secret]'],
  ['sk-ant-api03-abc_def', '[secret]'],
  ['AIzaSyA1234567890abcdef', '[secret]'],
  ['https://x.test/v1?key=abcdef&alt=sse', 'https://x.test/v1?key=[secret]&alt=sse'],
  ['https://user:word@x.test/v1', 'https://[secret]@x.test/v1'],
  ['"x-api-key": "abcdefgh1234"', '"x-api-key": "[secret]"'],
  ['The task-oriented model asks a question.', 'The task-oriented model asks a question.'],
])('%s', (text, expected) => {
  expect(withoutSecrets(text, 'my+key/1')).toBe(expected)
})

test('a key at the cut leaves no half of itself', () => {
  const text = withoutSecrets(`${'x'.repeat(990)} my-own-key and more`, 'my-own-key')
  expect(text).toHaveLength(1000)
  expect(text).not.toContain('my-')
})
