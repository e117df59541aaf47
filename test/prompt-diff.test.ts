import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PromptDiffDocument, type PromptDiffQueryVariables } from './generated/documents.ts'
import { makePrompt, publish, rewrite } from './harness/prompt.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('two contents of a prompt', () => {
  let app: TestApp
  let tenant: TestTenant
  let name: string
  let etag: string

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
    const prompt = await makePrompt(tenant.client, {
      blocks: [
        { id: 'a', role: 'SYSTEM', content: 'Be kind to everybody.' },
        { id: 'b', role: 'SYSTEM', content: 'Be brief.' },
        { id: 'c', role: 'USER', content: '{{ question }}' },
      ],
      variables: [{ name: 'question', required: true }],
      model: { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 1 } },
      tools: [{ type: 'function', function: { name: 'search', description: 'Finds.' } }],
    })
    name = prompt.name
    etag = prompt.draft.etag
    await publish(tenant.client, name)
    await rewrite(tenant.client, name, {
      blocks: [
        { id: 'c', role: 'USER', content: '{{ question }}' },
        { id: 'a', role: 'SYSTEM', content: 'Be kind to all.' },
        { id: 'd', role: 'SYSTEM', content: 'Answer in JSON.' },
      ],
      variables: [{ name: 'question' }],
      model: { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 0 } },
      tools: [{ type: 'function', function: { name: 'search', description: 'Finds all.' } }],
      toolChoice: 'auto',
      responseSchema: { type: 'object' },
    })
    await publish(tenant.client, name, { label: 'staging' })
  })
  afterAll(() => app.close())

  async function diff(from: PromptDiffQueryVariables['from'], to: PromptDiffQueryVariables['to']) {
    const { prompt } = await tenant.client.ask(PromptDiffDocument, { name, from, to })
    if (!prompt) throw new Error('no prompt')
    return prompt.diff
  }

  test('are compared block by block and value by value', async () => {
    const { blocks, ...rest } = await diff({}, { label: 'staging' })
    expect(blocks.map(({ blockId, change, moved }) => [blockId, change, moved])).toEqual([
      ['c', 'MOVED', true],
      ['a', 'CHANGED', false],
      ['b', 'REMOVED', false],
      ['d', 'ADDED', false],
    ])
    expect(blocks[1]?.parts).toEqual([
      { kind: 'EQUAL', text: 'Be kind to ' },
      { kind: 'DELETED', text: 'everybody' },
      { kind: 'INSERTED', text: 'all' },
      { kind: 'EQUAL', text: '.' },
    ])
    expect(rest).toMatchObject({
      identical: false,
      variables: [{ path: 'variables.question.required', change: 'CHANGED', before: true, after: false }],
      model: [{ path: 'model.parameters.temperature', before: 1, after: 0 }],
      tools: [
        { path: 'tools.search.function.description', before: 'Finds.', after: 'Finds all.' },
        { path: 'toolChoice', change: 'ADDED', before: null, after: 'auto' },
        { path: 'responseSchema', change: 'ADDED', after: { type: 'object' } },
      ],
    })
    expect(rest.unified).toContain(`--- ${name}@production\n+++ ${name}@staging\n@@ `)
  })

  test('may be named by version, label, etag or as the draft, and are the same whichever way', async () => {
    const before = [{ version: 1 }, { label: 'production' }, { etag }, {}]
    const after = [{ version: 2 }, { label: 'staging' }, { draft: true }]
    for (const from of before) {
      for (const same of before) expect(await diff(from, same)).toMatchObject({ identical: true, unified: '' })
      for (const to of after) {
        const { unified, ...rest } = await diff(from, to)
        expect(unified).not.toBe('')
        expect(rest).toEqual({ ...(await diff({ version: 1 }, { version: 2 })), unified: undefined })
      }
    }
  })

  test('that are not there are refused, by the argument', async () => {
    const refusal = async (from: object, to: object) =>
      (await tenant.client.refusal(PromptDiffDocument, { name, from, to })).extensions
    expect(await refusal({ version: 9 }, {})).toMatchObject({ code: 'NOT_FOUND', field: 'from' })
    expect(await refusal({}, { label: 'none' })).toMatchObject({ code: 'NOT_FOUND', field: 'to' })
    expect(await refusal({}, { version: 1, etag })).toMatchObject({ code: 'INVALID_INPUT', field: 'to' })
  })
})
