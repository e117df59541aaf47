import { expect, test } from 'vitest'
import { createEncoder } from './create-encoder.ts'

test('the endpoint that is named, else the built-in encoder', () => {
  expect(createEncoder(null).model).toBe('use-lite-en-512')
  const endpoint = { baseUrl: 'http://localhost:11434/v1', model: 'nomic-embed-text', apiKey: null }
  expect(createEncoder(endpoint).model).toBe('openai-compatible:nomic-embed-text')
})
