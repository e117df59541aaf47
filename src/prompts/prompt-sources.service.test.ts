import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Selector } from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'
import type { KnownSource } from './prompt-source.repository.ts'
import { createPromptSources } from './prompt-sources.service.ts'

describe('what is compiled', () => {
  const published: Selector = { kind: 'label', name: 'production' }
  let stored: Map<string, string>
  let reads: { name: string; known: KnownSource | null }[]
  let fails: boolean
  let listeners: Map<string, () => void>
  let woken: string[]
  let sources: ReturnType<typeof createPromptSources>

  const contentOf = (text: string): PromptContent => ({
    blocks: [{ id: 'b', name: null, role: 'SYSTEM', format: 'TEXT', content: text, when: null, enabled: true }],
    variables: [],
    model: null,
    tools: null,
    toolChoice: null,
    responseSchema: null,
  })

  beforeEach(() => {
    vi.useFakeTimers()
    stored = new Map([['p', 'one']])
    reads = []
    fails = false
    listeners = new Map()
    woken = []
    sources = createPromptSources({
      sources: {
        async findSource(_, name, __, known) {
          reads.push({ name, known })
          const text = stored.get(name)
          if (fails) throw new Error('the database is away')
          if (text === undefined) return null
          const content = known?.etag === text ? null : contentOf(text)
          return { promptId: name, number: 1, etag: text, content }
        },
      },
      bus: {
        wake: (topic) => void woken.push(topic),
        listen(topic, onWake) {
          if (listeners.has(topic)) throw new Error(`${topic} is listened to twice`)
          listeners.set(topic, onWake)
          return () => void listeners.delete(topic)
        },
      },
    })
  })
  afterEach(() => vi.useRealTimers())

  const find = (name = 'p', selector: Selector = published, tenantId = 'tn') =>
    sources.findSource(tenantId, name, selector)
  const etag = async (name?: string) => (await find(name))?.etag ?? null

  test('is read once, however often and however many at once ask', async () => {
    const first = await Promise.all([find(), find(), find()])
    vi.advanceTimersByTime(799)
    expect(await find()).toBe(first[0])
    expect(reads).toHaveLength(1)
  })

  test('is looked at again before a second has passed, and read only where it is another one', async () => {
    const first = await find()
    vi.advanceTimersByTime(800)
    const same = await find()
    expect(same?.prepared).toBe(first?.prepared)
    expect(reads).toMatchObject([{ known: null }, { known: { etag: 'one' } }])
    stored.set('p', 'two')
    vi.advanceTimersByTime(800)
    expect((await find())?.prepared.content.blocks[0]?.content).toBe('two')
  })

  test('is looked at again at once when it was changed here, or elsewhere', async () => {
    await find()
    stored.set('p', 'two')
    expect(await etag()).toBe('one')
    sources.announce('tn')
    expect(await etag()).toBe('two')
    expect(woken).toEqual(['prompts/tn'])
    stored.set('p', 'three')
    listeners.get('prompts/tn')?.()
    expect(await etag()).toBe('three')
    sources.announce('another')
    await find()
    expect(reads).toHaveLength(3)
  })

  test('is not remembered where it was being read while it changed', async () => {
    const early = find()
    sources.announce('tn')
    await early
    await find()
    expect(reads).toHaveLength(2)
  })

  test('is not remembered where there is none, or where it could not be read', async () => {
    expect([await etag('none'), await etag('none')]).toEqual([null, null])
    fails = true
    await expect(find()).rejects.toThrow('away')
    fails = false
    expect(await etag()).toBe('one')
    expect(reads).toHaveLength(4)
  })

  test('of one tenant is not told to another, nor of one selector to another', async () => {
    await find()
    await find('p', published, 'another')
    await find('p', { kind: 'version', number: 1 })
    await find('p', { kind: 'draft' })
    expect(reads).toHaveLength(4)
  })

  test('goes when too much is remembered, that which was asked for the longest ago first', async () => {
    for (let index = 0; index < 2_000; index++) stored.set(`many ${index}`, 'x')
    await find()
    for (let index = 0; index < 1_999; index++) await find(`many ${index}`)
    await find()
    await find('many 1999')
    const before = reads.length
    await find()
    await find('many 1999')
    expect(reads).toHaveLength(before)
    await find('many 0')
    expect(reads).toHaveLength(before + 1)
  })

  test('goes when it is larger than what may be remembered, and the listener with the last of it', async () => {
    const large = 'x'.repeat(1_900_000)
    for (let index = 0; index < 30; index++) stored.set(`large ${index}`, `${index}${large}`)
    await find('p', published, 'small')
    for (let index = 0; index < 30; index++) await find(`large ${index}`)
    expect([...listeners.keys()]).toEqual(['prompts/tn'])
    await find('p', published, 'small')
    expect(listeners.size).toBe(2)
    sources.close()
    expect(listeners.size).toBe(0)
  })
})
