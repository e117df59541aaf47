import { requestOf, sendAlone } from './harness/connection.ts'
import { withEmptyProduct } from './harness/dataset.ts'
import { prose } from './harness/prose.ts'
import { createRandom, type Random } from './harness/random.ts'
import { startReference } from './harness/reference.ts'
import { reportThroughput } from './harness/report.ts'
import type { BenchReport } from './harness/result.ts'
import { askBoth } from './harness/same-answers.ts'
import { compareThroughput } from './harness/throughput.ts'
import type { Workbench } from './harness/workbench.ts'

const connections = 4
const questions = 400
const name = 'support-triage'

/** Requests a second for what a published prompt says to one question after the other. */
export function bench(): Promise<BenchReport> {
  return withEmptyProduct('compile', async ({ product, databaseUrl, ask }, key) => {
    const etag = await publish(ask, key)
    const random = createRandom(13)
    const asked = Array.from({ length: questions }, (_, index) => makeVariables(random, index))
    const answers = asked.map((variables) => [variables.question, { etag, ...compileByHand(variables) }])
    const reference = await startReference('compile', databaseUrl)
    try {
      await sendAlone(reference.address, requestOf('/answers', JSON.stringify(Object.fromEntries(answers))))
      const requests = asked.map((variables) =>
        requestOf('/graphql', JSON.stringify({ query: document, variables: { name, variables } }), {
          authorization: `Bearer ${key}`,
        }),
      )
      const sides = await askBoth(
        { ours: product, reference },
        requests.map((request) => ({ ours: request, reference: request })),
      )
      const measured = await compareThroughput(sides, { connections, postgresPid: product.postgresPid })
      const detail = { questions, bytes: { prompt: promptLength, request: requests[0]?.length } }
      return reportThroughput({ name: 'compile', goal: 0.7, detail }, measured)
    } finally {
      await reference.stop()
    }
  })
}

const document = `
  query Compile($name: String!, $variables: JSON) {
    compilePrompt(name: $name, variables: $variables) {
      etag
      messages
      blocks { block { id } included text }
      missingVariables
      unknownVariables
    }
  }`

interface Block {
  id: string
  role: 'SYSTEM' | 'USER' | 'ASSISTANT'
  content: string
  when?: string
  /** The condition once more, for the answer that is expected. */
  holds?: (variables: Variables) => boolean
}

type Variables = ReturnType<typeof makeVariables>

const text = createRandom(12)
const blocks: Block[] = [
  { id: 'rules', role: 'SYSTEM', content: `You work for {{ company }}. ${prose(text, 800)} Answer in {{ language }}.` },
  {
    id: 'gold',
    role: 'SYSTEM',
    content: `{{ customer.name }} has been a customer since {{ customer.since }}. ${prose(text, 300)}`,
    when: 'customer.plan == "gold" && customer.since < 2022',
    holds: ({ customer }) => customer.plan === 'gold' && customer.since < 2022,
  },
  {
    id: 'orders',
    role: 'SYSTEM',
    content: `These are the orders: {{ orders }}. ${prose(text, 300)}`,
    when: 'size(orders) > 0 && orders.exists(order, order.state != "delivered")',
    holds: ({ orders }) => orders.some(({ state }) => state !== 'delivered'),
  },
  { id: 'example', role: 'ASSISTANT', content: prose(text, 400) },
  { id: 'question', role: 'USER', content: '{{ customer.name }} ({{ channel }}) asks: {{ question }}' },
]
const promptLength = blocks.reduce((sum, { content }) => sum + content.length, 0)

function makeVariables(random: Random, index: number) {
  const orders = Array.from({ length: random.whole(0, 3) }, () => ({
    id: random.hex(8),
    state: random.pick(['delivered', 'delivered', 'sent', 'lost']),
  }))
  return {
    company: random.pick(['Acme', 'Globex']),
    language: random.pick(['English', 'German', 'French']),
    channel: random.pick(['mail', 'chat']),
    customer: { name: prose(random, 12), plan: random.pick(['gold', 'free']), since: random.whole(2015, 2026) },
    orders,
    question: `${index}: ${prose(random, 200)}`,
  }
}

async function publish(ask: Workbench['ask'], key: string): Promise<string> {
  const content = {
    blocks: blocks.map(({ holds, ...block }) => block),
    variables: ['company', 'language', 'channel', 'customer', 'orders', 'question'].map((name) => ({
      name,
      required: name === 'question',
    })),
    model: { provider: 'openai', name: 'gpt-4.1-mini', parameters: { temperature: 0.2, max_tokens: 800 } },
  }
  const { publishPrompt } = await ask<{ publishPrompt: { etag: string } }>(
    key,
    `mutation ($input: CreatePromptInput!, $name: String!) {
      createPrompt(input: $input) { id }
      publishPrompt(name: $name, expectedRevision: 1) { etag }
    }`,
    { input: { name, content }, name },
  )
  return publishPrompt.etag
}

/** What the product is to answer, found without it. */
function compileByHand(variables: Variables) {
  const compiled = blocks.map(({ id, content, holds }) => {
    const included = holds?.(variables) ?? true
    return { block: { id }, included, text: included ? putIn(content, variables) : null }
  })
  const messages = compiled.flatMap(({ text }, index) =>
    text === null ? [] : [{ role: blocks[index]?.role.toLowerCase(), content: text }],
  )
  return { messages, blocks: compiled, missingVariables: [], unknownVariables: [] }
}

function putIn(content: string, variables: Variables): string {
  return content.replace(/\{\{ ([\w.]+) \}\}/g, (_, path: string) => {
    const value = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], variables)
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  })
}
