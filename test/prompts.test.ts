import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CreatePromptDocument,
  DeletePromptDocument,
  type PromptContentInput,
  PromptDocument,
  PromptsDocument,
} from './generated/documents.ts'
import { getPrompt, makePrompt, publish, rewrite, saying } from './harness/prompt.ts'
import { makeTenant, type TestTenant } from './harness/tenant.ts'
import { startTestApp, type TestApp } from './harness/test-app.ts'

describe('prompts', () => {
  let app: TestApp
  let tenant: TestTenant

  beforeAll(async () => {
    app = await startTestApp()
    tenant = await makeTenant(app)
  })
  afterAll(() => app.close())

  const whole: PromptContentInput = {
    blocks: [
      { id: 'rules', name: 'The rules', role: 'SYSTEM', content: 'You help {{ customer.name }}.' },
      { role: 'SYSTEM', content: 'Be brief.', when: 'tier == "free"', enabled: false },
      { role: 'USER', format: 'JSON', content: '[{"type":"text","text":"{{ question }}"}]' },
    ],
    variables: [
      { name: 'customer', description: 'Who asks.', required: true },
      { name: 'tier', default: 'free' },
    ],
    model: { provider: 'openai', name: 'gpt-4o', parameters: { temperature: 0.25, stop: ['\n'] } },
    tools: [{ type: 'function', function: { name: 'search', parameters: { type: 'object', properties: {} } } }],
    toolChoice: 'auto',
    responseSchema: { type: 'object', properties: { z: { type: 'string' }, a: { type: 'number' } } },
  }

  test('keep all that was given, in its order, and fill in what was left out', async () => {
    const input = { name: 'support', description: 'For whoever asks.', content: whole }
    const { createPrompt } = await tenant.client.ask(CreatePromptDocument, { input })
    expect(createPrompt).toMatchObject({
      id: expect.stringMatching(/^pr_/),
      name: 'support',
      description: 'For whoever asks.',
      published: null,
      labels: [],
      draft: { revision: 1, baseVersion: null, changed: true },
    })
    const { content } = createPrompt.draft
    expect(content.blocks).toEqual([
      {
        id: 'rules',
        name: 'The rules',
        role: 'SYSTEM',
        format: 'TEXT',
        content: 'You help {{ customer.name }}.',
        when: null,
        enabled: true,
      },
      {
        id: 'system',
        name: null,
        role: 'SYSTEM',
        format: 'TEXT',
        content: 'Be brief.',
        when: 'tier == "free"',
        enabled: false,
      },
      {
        id: 'user',
        name: null,
        role: 'USER',
        format: 'JSON',
        content: '[{"type":"text","text":"{{ question }}"}]',
        when: null,
        enabled: true,
      },
    ])
    expect(content.variables).toEqual([
      { name: 'customer', description: 'Who asks.', required: true, default: null },
      { name: 'tier', description: null, required: false, default: 'free' },
    ])
    expect(content).toMatchObject({ model: whole.model, tools: whole.tools, toolChoice: 'auto' })
    expect(JSON.stringify(content.responseSchema)).toBe(JSON.stringify(whole.responseSchema))
    expect(await getPrompt(tenant.client, 'support')).toEqual(createPrompt)
  })

  test('the etag is the SHA-256 of the canonical content: anybody can work it out', async () => {
    const { draft } = await makePrompt(tenant.client, saying('Größe: {{ n }}', { tools: [{ b: 1, a: 1e21 }] }))
    const canonical =
      '{"blocks":[{"content":"Größe: {{ n }}","enabled":true,"format":"TEXT","id":"said","name":null,"role":"SYSTEM",' +
      '"when":null}],"model":null,"responseSchema":null,"toolChoice":null,"tools":[{"a":1e+21,"b":1}],"variables":[]}'
    expect(draft.etag).toBe(createHash('sha256').update(canonical).digest('hex'))
  })

  test('the same content has the same etag, whoever gives it, with ids or without', async () => {
    const other = await makeTenant(app)
    const first = await makePrompt(tenant.client, whole)
    const second = await makePrompt(other.client, whole)
    const again = await makePrompt(other.client, {
      ...whole,
      tools: [{ function: { parameters: { properties: {}, type: 'object' }, name: 'search' }, type: 'function' }],
    })
    expect([second.draft.etag, again.draft.etag]).toEqual([first.draft.etag, first.draft.etag])
    const blocks = whole.blocks.map((block, index) => ({ ...block, id: first.draft.content.blocks[index]?.id }))
    expect((await makePrompt(other.client, { ...whole, blocks })).draft.etag).toBe(first.draft.etag)
    const swapped = { ...whole, blocks: whole.blocks.toReversed() }
    expect((await makePrompt(other.client, swapped)).draft.etag).not.toBe(first.draft.etag)
  })

  test('blocks without an id get one of their names, and none twice', async () => {
    const blocks = ['The Rules!', 'the rules', null, null, 'Правила', '…'].map((name) => ({
      name,
      role: 'USER' as const,
      content: '',
    }))
    const { draft } = await makePrompt(tenant.client, {
      blocks: [...blocks, { id: 'user', role: 'USER', content: '' }],
    })
    expect(draft.content.blocks.map(({ id }) => id)).toEqual([
      'the-rules',
      'the-rules-2',
      'user-2',
      'user-3',
      'block',
      'block-2',
      'user',
    ])
  })

  test('have names of their own in each tenant', async () => {
    const other = await makeTenant(app)
    await makePrompt(tenant.client, saying('ours'), 'both')
    await makePrompt(other.client, saying('theirs'), 'both')
    const refusal = await tenant.client.refusal(CreatePromptDocument, {
      input: { name: ' both ', content: saying('') },
    })
    expect(refusal).toMatchObject({ extensions: { code: 'CONFLICT', field: 'input.name' } })
    expect((await getPrompt(other.client, 'both')).draft.content.blocks[0]?.content).toBe('theirs')
    expect((await other.client.ask(PromptDocument, { name: 'support' })).prompt).toBeNull()
  })

  test('of one name that are made at once, one is made', async () => {
    const { client } = await makeTenant(app)
    const input = { name: 'raced', content: saying('x') }
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.send(CreatePromptDocument, { input })))
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(1)
    expect(answers.flatMap(({ errors }) => errors?.[0]?.extensions.code ?? [])).toEqual(Array(7).fill('CONFLICT'))
    expect((await client.ask(PromptsDocument)).prompts.totalCount).toBe(1)
  })

  test('are listed by name, in pages, and found by a part of it', async () => {
    const { client } = await makeTenant(app)
    for (const name of ['b', 'c/ÄRGER', 'a', 'd_x', 'B']) await makePrompt(client, saying(name), name)
    await publish(client, 'a')
    const { prompts: first } = await client.ask(PromptsDocument, { first: 3 })
    expect(first.nodes).toEqual([
      { name: 'B', draft: { revision: 1 }, published: null },
      { name: 'a', draft: { revision: 1 }, published: { number: 1 } },
      { name: 'b', draft: { revision: 1 }, published: null },
    ])
    expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true } })
    const { prompts: rest } = await client.ask(PromptsDocument, { first: 3, after: first.pageInfo.endCursor })
    expect(rest.nodes.map(({ name }) => name)).toEqual(['c/ÄRGER', 'd_x'])
    const found = async (search: string) =>
      (await client.ask(PromptsDocument, { search })).prompts.nodes.map(({ name }) => name)
    expect(await found('ärg')).toEqual(['c/ÄRGER'])
    expect(await found('_')).toEqual(['d_x'])
    expect(await found('%')).toEqual([])
    const broken = await client.refusal(PromptsDocument, { after: 'nonsense' })
    expect(broken.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' })
  })

  describe('are refused where they could not be compiled, with the place:', () => {
    const blocks = (...contents: object[]) => ({
      blocks: contents.map((each) => ({ role: 'SYSTEM', content: '', ...each })),
    })
    const cases: [string, object, string, RegExp][] = [
      [
        'a placeholder that does not end',
        blocks({}, { content: 'a\nb {{ name' }),
        'blocks[1].content',
        /line 2, column 3/,
      ],
      ['a block helper', blocks({ content: '{{#if x}}' }), 'blocks[0].content', /line 1, column 1/],
      ['a broken condition', blocks({ when: 'tier ==' }), 'blocks[0].when', /"system"/],
      ['a condition of 2,001 characters', blocks({ when: `x == "${'y'.repeat(1_994)}"` }), 'blocks[0].when', /2,?000/],
      ['broken JSON', blocks({ format: 'JSON', content: '[{"a": }]' }), 'blocks[0].content', /JSON/],
      [
        'JSON that is no message',
        blocks({ format: 'JSON', content: '"text"' }),
        'blocks[0].content',
        /list of parts or an object/,
      ],
      ['a broken block that is disabled', blocks({ enabled: false, content: '{{' }), 'blocks[0].content', /line 1/],
      ['two blocks of one id', blocks({ id: 'a' }, { id: 'b' }, { id: 'a' }), 'blocks[2].id', /"a" twice/],
      ['an id that is none', blocks({ id: 'a b' }), 'blocks[0].id', /got "a b"/],
      ['501 blocks', blocks(...Array(501).fill({})), 'blocks', /up to 500.*501/],
      ['a variable that is no name', { ...blocks(), variables: [{ name: 'a.b' }] }, 'variables[0].name', /got "a.b"/],
      [
        'a variable that is declared twice',
        { ...blocks(), variables: [{ name: 'a' }, { name: 'a' }] },
        'variables[1].name',
        /twice/,
      ],
      ['a model without a name', { ...blocks(), model: { provider: 'openai', name: ' ' } }, 'model.name', /1 to 200/],
      [
        'parameters that are a list',
        { ...blocks(), model: { provider: 'p', name: 'n', parameters: [] } },
        'model.parameters',
        /object/,
      ],
      [
        'tools that are too deep',
        { ...blocks(), tools: JSON.parse('['.repeat(102) + ']'.repeat(102)) },
        'tools',
        /100 deep/,
      ],
      ['a condition that is a number', blocks({ when: '1 + 1' }), 'blocks[0].when', /line 1, column 1: .*type int/],
      [
        'a condition that is a text',
        blocks({}, { when: '"x"', enabled: false }),
        'blocks[1].when',
        /"system-2".*string/,
      ],
      ['a condition that always fails', blocks({ when: '1 / 0 == 1' }), 'blocks[0].when', /divide by zero/],
      ['tools that are a text', { ...blocks(), tools: 'x' }, 'tools', /list of objects; got "x"/],
      ['a tool that is a number', { ...blocks(), tools: [{ name: 'a' }, 1] }, 'tools[1]', /object; got 1/],
      ['a tool by name that is a text', { ...blocks(), tools: { look: 'x' } }, 'tools.look', /object; got "x"/],
      ['a tool choice that is a list', { ...blocks(), toolChoice: ['auto'] }, 'toolChoice', /a list of 1/],
      ['a response schema that is a text', { ...blocks(), responseSchema: 'x' }, 'responseSchema', /object; got "x"/],
      ['a response schema that is a list', { ...blocks(), responseSchema: [{}] }, 'responseSchema', /a list of 1/],
      ['more than 500,000 characters', blocks({ content: 'x'.repeat(500_000) }), '', /500000/],
      ['more than 20,000 values', { ...blocks(), tools: Array(20_001).fill(0) }, '', /20000 values/],
      ['a key of 1,001 characters', { ...blocks(), tools: { ['k'.repeat(1_001)]: 1 } }, '', /1000 characters/],
    ]

    test.each(cases)('%s', async (_, content, place, message) => {
      const input = { name: 'never', content: content as PromptContentInput }
      const refusal = await tenant.client.refusal(CreatePromptDocument, { input })
      expect(refusal.extensions.code).toBe('INVALID_INPUT')
      expect(refusal.extensions.field).toBe(place === '' ? 'input.content' : `input.content.${place}`)
      expect(refusal.message).toMatch(message)
      expect((await tenant.client.ask(PromptDocument, { name: 'never' })).prompt).toBeNull()
    })
  })

  test('keep tools of every shape that a model can be called with, and conditions that read nothing', async () => {
    const shapes = [
      { tools: [{ type: 'function', function: { name: 'look' } }], toolChoice: { type: 'any' } },
      { tools: { look: { inputSchema: { jsonSchema: { type: 'object' } } } }, toolChoice: 'look' },
      { tools: [], toolChoice: null, responseSchema: { type: 'json_schema', json_schema: { schema: {} } } },
      { tools: {}, responseSchema: {} },
    ]
    for (const shape of shapes) {
      expect((await makePrompt(tenant.client, saying('x', shape))).draft.content).toMatchObject(shape)
    }
    for (const when of ['true', '[1].exists(i, i == 1)', 'type', 'string == "x"']) {
      const blocks = [{ role: 'USER' as const, content: '', when }]
      expect((await makePrompt(tenant.client, { blocks })).draft.content.blocks[0]?.when).toBe(when)
    }
  })

  test('NUL and half characters, which PostgreSQL refuses, are replaced', async () => {
    const name = 'half \ud800'
    const refusal = await tenant.client.refusal(CreatePromptDocument, { input: { name, content: saying('') } })
    expect(refusal.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'input.name' })
    const { draft } = await makePrompt(tenant.client, saying('a\0b\udfff', { tools: [{ name: '\0' }] }))
    expect(draft.content.blocks[0]?.content).toBe('a\ufffdb\ufffd')
    expect(draft.content.tools).toEqual([{ name: '\ufffd' }])
    expect((await tenant.client.ask(PromptDocument, { name: '\0' })).prompt).toBeNull()
  })

  describe('that are deleted', () => {
    test('are gone with all that they had, and their name is free', async () => {
      const { client } = await makeTenant(app)
      const { name } = await makePrompt(client, saying('one'))
      await rewrite(client, name, saying('two'))
      expect((await client.ask(DeletePromptDocument, { name })).deletePrompt).toBe(true)
      expect((await client.ask(PromptDocument, { name })).prompt).toBeNull()
      expect((await client.refusal(DeletePromptDocument, { name })).extensions).toMatchObject({
        code: 'NOT_FOUND',
        field: 'name',
      })
      expect((await makePrompt(client, saying('anew'), name)).draft.revision).toBe(1)
    })

    test('another tenant has them still', async () => {
      const other = await makeTenant(app)
      await makePrompt(tenant.client, saying(''), 'shared')
      await makePrompt(other.client, saying(''), 'shared')
      await other.client.ask(DeletePromptDocument, { name: 'shared' })
      expect((await tenant.client.ask(PromptDocument, { name: 'shared' })).prompt).not.toBeNull()
    })
  })
})
