import { assistant, calling, type Message, toolCall, toolResult } from '../messages.ts'
import { callModel } from '../model-call.ts'
import { gpt4o, haiku, smallEmbedding, sonnet } from '../models.ts'
import { compilePrompt, fill, type Variables } from '../prompt.ts'
import type { Random } from '../random.ts'
import { attempt, StepFailedError } from '../recording.ts'
import { type Agent, failureOf, type Scene, type Told, useTool } from '../scene.ts'
import { type SupportCase, type SupportTurn, supportCases } from './support-cases.ts'
import { badVersion, supportPrompt, supportTools } from './support-prompt.ts'

/** Answers customers from the articles of a help centre and with the tools of a shop. */
export const supportAgent: Agent = {
  name: 'support-concierge',
  share: 48,
  isTalking: true,
  begin(random) {
    const about = random.pickSkewed(supportCases)
    const variables: Variables = {
      customer: random.pick(['Ada', 'Jonas', 'Marisol', 'Yuki', 'Nour', 'Wei', 'Signe', 'Tomás', 'Grace', 'Emeka']),
      tier: random.pickByShare([
        { share: 7, name: 'basic' },
        { share: 3, name: 'gold' },
      ]).name,
      language: about.language,
      order: random.whole(400_000, 499_999),
      parcel: `NL${random.whole(10_000_000, 99_999_999)}`,
      ticket: random.whole(10_000, 99_999),
    }
    const history: Message[] = []
    return {
      userId: `cus_${1_000 + Math.floor(random.fraction() ** 3 * 240)}`,
      turns: random.whole(1, about.turns.length),
      play: (turn, scene) => playTurn(scene, { about, turn: about.turns[turn] as SupportTurn, variables, history }),
    }
  },
}

interface Talk {
  about: SupportCase
  turn: SupportTurn
  variables: Variables
  history: Message[]
}

/** While the orders' own service was down, its tools waited in vain. */
const outage = { from: 0.435, to: 0.45 }
const brokenOrders = 'orders-api answered 503 after 3 attempts: upstream connect error'

function playTurn(scene: Scene, { about, turn, variables: known, history }: Talk): Told {
  const { recording, random, age } = scene
  const question = fill(turn.ask, known)
  const told: Told = { name: 'answer customer', tags: ['support', about.language], metadata: { topic: about.topic } }
  const played = attempt(() =>
    recording.span('AGENT', 'support-concierge', { input: { question } }, (root) => {
      const harmless = guard(scene, 'screen question', question)
      if (!harmless) {
        root.output = assistant('I am sorry, I can’t help with that here.')
        return Object.assign(told, { output: root.output, success: false, outcome: 'blocked' })
      }
      const articles = retrieve(scene, about, question)
      const knowledge = articles.map(([title, text]) => `[${title}] ${text}`).join('\n')
      const variables = { ...known, question, articles: articles.length, knowledge }
      const prompt = compilePrompt(supportPrompt, age, variables)
      const [asked, ...instructions] = prompt.messages.toReversed() as [Message, ...Message[]]
      const messages = [...instructions.toReversed(), ...history, asked]
      const model = prompt.version === 1 ? gpt4o : sonnet
      Object.assign(told, { prompt, messages, tools: supportTools, toolChoice: 'auto', model })
      const reply = converse(scene, { turn, variables, messages: [...messages], told })
      guard(scene, 'check answer', reply.content ?? '')
      history.push(asked, reply)
      root.output = reply
      return Object.assign(told, { output: reply })
    }),
  )
  if (played instanceof StepFailedError) return { ...told, ...failureOf(played) }
  return rate(told, random)
}

/** Embeds the question, searches, and ranks what was found. */
function retrieve(scene: Scene, { articles }: SupportCase, question: string) {
  const { recording, random } = scene
  return recording.span('CHAIN', 'find articles', { input: question }, (chain) => {
    const { name: model, provider } = smallEmbedding
    recording.span('EMBEDDING', 'embed question', { model, provider, input: question }, (span) => {
      recording.pass(random.around(70))
      span.inputTokens = Math.ceil(question.length / 3.6)
      span.output = { dimensions: 512, vectors: 1 }
    })
    recording.span('RETRIEVER', 'help centre', { input: { query: question, k: 6 } }, (span) => {
      recording.pass(random.around(25))
      span.output = articles.map(([title, text]) => ({ title, text, score: scoreOf(random) }))
    })
    recording.span('RETRIEVER', 'rerank', { input: { candidates: articles.length, keep: 3 } }, (span) => {
      recording.pass(random.around(110))
      span.output = articles.map(([title]) => ({ title, score: scoreOf(random) }))
    })
    chain.output = articles.map(([title]) => title)
    return articles
  })
}

function scoreOf(random: Random): number {
  return Math.round((0.55 + random.fraction() * 0.4) * 1_000) / 1_000
}

interface Talking {
  turn: SupportTurn
  variables: Variables
  messages: Message[]
  told: Told
}

function converse(scene: Scene, talking: Talking): Message {
  const { turn, variables, told } = talking
  if (turn.needsOrder) {
    const excuse = lookUpOrder(scene, talking)
    if (excuse) return ask(scene, talking, assistant(excuse))
  }
  for (const [name, given, result] of turn.tools ?? []) {
    useAskedTool(scene, talking, { name, given: filled(given, variables), result: filled(result, variables) })
  }
  told.outcome = turn.outcome
  return ask(scene, talking, assistant(fill(turn.answer, variables)))
}

/** What to tell the customer where it isn't found. */
function lookUpOrder(scene: Scene, talking: Talking): string | undefined {
  const { random } = scene
  const { variables, told } = talking
  const order = String(variables.order)
  const isBad = told.prompt?.version === badVersion && random.chance(0.85)
  const id = isBad ? `#${order}` : order
  const result = { order_id: order, state: 'shipped', parcel: variables.parcel, placed_days_ago: random.whole(3, 40) }
  const refusal = isBad && { error: `422 order_id must match ^[0-9]{6}$; got "${id}"` }
  const tries = isBad ? random.whole(2, 4) : 2
  let reason = ''
  for (let count = 0; count < tries; count++) {
    const got = useAskedTool(scene, talking, { name: 'lookup_order', given: { order_id: id }, result, ...refusal })
    if (!(got instanceof StepFailedError)) return undefined
    reason = got.message
  }
  Object.assign(told, { success: false, outcome: 'order not found' })
  if (random.chance(0.6)) throw new StepFailedError(`lookup_order failed ${tries} times: ${reason}`)
  return `I am sorry, I can't find the order ${id}. Could you check the number on your invoice?`
}

function ask(scene: Scene, { messages, told }: Talking, reply: Message): Message {
  const { prompt, model = sonnet } = told
  const attributes = { promptName: supportPrompt.name, etag: prompt?.etag }
  const given = { model, messages: [...messages], tools: supportTools, toolChoice: 'auto', reply, attributes }
  messages.push(callModel(scene, given))
  return reply
}

interface AskedTool {
  name: string
  given: object
  result: object
  /** It fails, and says so. */
  error?: string
}

/** The model asks for a tool, and reads what it gave. */
function useAskedTool(scene: Scene, talking: Talking, { name, given, result, error }: AskedTool) {
  const { random, age } = scene
  const call = toolCall(random, name, given)
  ask(scene, talking, calling(call))
  const isOut = age > outage.from && age < outage.to
  const fails = error ? 1 : isOut ? 0.8 : 0.012
  const use = { name, input: given, result, ms: 180, fails, error: error ?? brokenOrders }
  const got = attempt(() => useTool(scene, use))
  talking.messages.push(toolResult(call, got instanceof StepFailedError ? { error: got.message } : got))
  return got
}

function filled(value: object, variables: Variables): object {
  return JSON.parse(fill(JSON.stringify(value), variables))
}

/** A small model looks at what goes in and comes out; seldom it objects. */
function guard(scene: Scene, name: string, text: string): boolean {
  const { recording, random } = scene
  return recording.span('GUARDRAIL', name, { input: text.slice(0, 400) }, (span) => {
    const isFine = name !== 'screen question' || !random.chance(0.012)
    const reply = assistant(JSON.stringify({ allowed: isFine, categories: isFine ? [] : ['prompt_injection'] }))
    const rule = { role: 'system' as const, content: 'Classify the text. Answer with JSON: allowed, categories.' }
    callModel(scene, { name: 'moderate', model: haiku, messages: [rule, { role: 'user', content: text }], reply })
    span.output = { allowed: isFine }
    return isFine
  })
}

/** A part of the customers says whether it helped. */
function rate(told: Told, random: Random): Told {
  if (told.success !== undefined || !random.chance(0.55)) return told
  return { ...told, success: random.chance(0.9) }
}
