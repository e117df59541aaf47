import { describe, expect, test } from 'vitest'
import { compileContent, prepareContent } from './compile.ts'
import { manifestOf, readManifest } from './manifest.ts'
import { readContent } from './prompt-input.ts'

describe('a manifest', () => {
  const content = readContent({
    blocks: [
      { id: 'always', role: 'SYSTEM', content: 'Help {{ who }}.' },
      { id: 'never', role: 'USER', content: '', when: 'false' },
    ],
    variables: [{ name: 'who', default: { deep: [null] } }],
    model: { provider: 'p', name: 'm', parameters: { __proto__: null, stop: ['\n'] } },
    tools: [{ name: 'search' }],
    responseSchema: { type: 'object' },
  })

  function make() {
    const compiled = compileContent(prepareContent(content), {}, { isLenient: false })
    return JSON.parse(JSON.stringify(manifestOf({ prompt: 'support', version: 3, etag: 'e', content, compiled })))
  }

  test('says what was put in, and gives the whole content back', () => {
    expect(make()).toMatchObject({
      format: 'tracemend/1',
      prompt: 'support',
      version: 3,
      etag: 'e',
      included: ['always'],
    })
    expect(readManifest(make())).toEqual(content)
  })

  test.each<[string, (manifest: ReturnType<typeof make>) => unknown]>([
    ['nothing', () => null],
    ['a text', () => 'tracemend/1'],
    ['another format', (manifest) => ({ ...manifest, format: 'tracemend/2' })],
    ['no content', ({ content: _, ...manifest }) => manifest],
    ['blocks that are none', (manifest) => ({ ...manifest, content: { ...content, blocks: [1] } })],
    [
      'a role that is none',
      (manifest) => ({ ...manifest, content: { ...content, blocks: [{ ...content.blocks[0], role: 'x' }] } }),
    ],
    [
      'two blocks of one id',
      (manifest) => ({ ...manifest, content: { ...content, blocks: [content.blocks[0], content.blocks[0]] } }),
    ],
    [
      'too many blocks',
      (manifest) => ({ ...manifest, content: { ...content, blocks: Array(501).fill(content.blocks[0]) } }),
    ],
  ])('of %s is none of ours', (_, change) => {
    expect(readManifest(change(make()))).toBeNull()
  })
})
