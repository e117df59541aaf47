import { assistant, calling, type Message, system, type Tool, tool, toolCall, toolResult, user } from '../messages.ts'
import { callModel } from '../model-call.ts'
import { flash, geminiPro, gpt5, smallEmbedding } from '../models.ts'
import { compilePrompt, type Prompt } from '../prompt.ts'
import { attempt, StepFailedError } from '../recording.ts'
import { type Agent, failureOf, type Scene, type Told, useTool } from '../scene.ts'
import { type ResearchTopic, researchTopics } from './research-topics.ts'

const prompt: Prompt = {
  name: 'research-report',
  versions: [
    {
      since: 0,
      blocks: [
        {
          id: 'task',
          role: 'system',
          content:
            'Write a short report that answers the question from the findings below. Say what is certain, what is not, and ' +
            'what you recommend. Cite sources by their titles.\n{{ findings }}',
        },
        {
          id: 'deep',
          role: 'system',
          when: 'depth == "deep"',
          holds: ({ depth }) => depth === 'deep',
          content: 'Name the strongest argument against your recommendation.',
        },
        { id: 'question', role: 'user', content: '{{ question }}' },
      ],
    },
  ],
}
const tools: readonly Tool[] = [
  tool('web_search', 'Searches the web.', ['query: string']),
  tool('fetch_page', 'The text of a page.', ['url: string']),
]

/** Splits a question, sends an agent of its own after each part, all at once, and writes a report. */
export const researchAgent: Agent = {
  name: 'deep-research',
  share: 6,
  isTalking: false,
  begin(random) {
    const topic = random.pick(researchTopics)
    return {
      userId: random.pickSkewed(['product-ines', 'ceo', 'buyer-tarek']),
      turns: 1,
      play: (_, scene) => research(scene, topic),
    }
  },
}

function research(scene: Scene, topic: ResearchTopic): Told {
  const { recording, random, age } = scene
  const depth = random.pick(['quick', 'deep'])
  const told: Told = { name: topic.question, tags: ['research', depth], model: gpt5, metadata: { depth } }
  const played = attempt(() =>
    recording.span('AGENT', 'deep-research', { input: { question: topic.question, depth } }, (root) => {
      const parts = topic.parts.map(({ question }) => `- ${question}`).join('\n')
      recording.span('CHAIN', 'plan', {}, () =>
        callModel(scene, {
          name: 'split question',
          model: geminiPro,
          messages: [system('Split the question into parts that can be looked up on their own.'), user(topic.question)],
          reply: assistant(parts),
        }),
      )
      const findings: string[] = []
      recording.together(
        topic.parts.map((part) => () => void findings.push(investigate(scene, part, depth === 'deep'))),
      )
      deduplicate(scene, findings)
      const compiled = compilePrompt(prompt, age, { question: topic.question, depth, findings: findings.join('\n') })
      Object.assign(told, { prompt: compiled, messages: compiled.messages })
      const reply = recording.span('CHAIN', 'write report', {}, () =>
        callModel(scene, { name: 'report', model: gpt5, messages: compiled.messages, reply: assistant(topic.report) }),
      )
      root.output = reply
      return { ...told, output: reply, outcome: 'report written', ...(random.chance(0.7) && { success: true }) }
    }),
  )
  return played instanceof StepFailedError ? { ...told, ...failureOf(played) } : played
}

/** What one of the agents finds; where pages don't load, the others still do. */
function investigate(
  scene: Scene,
  { question, sources, finding }: ResearchTopic['parts'][number],
  isDeep: boolean,
): string {
  const { recording, random } = scene
  return recording.span('AGENT', 'researcher', { input: { question } }, (span) => {
    const messages: Message[] = [system('Find out. Search, read, and say what you found and where.'), user(question)]
    const use = (name: string, given: object, result: unknown, ms: number, fails: number, error: string) => {
      const call = toolCall(random, name, given)
      messages.push(
        callModel(scene, { model: flash, messages: [...messages], tools, toolChoice: 'auto', reply: calling(call) }),
      )
      const got = attempt(() => useTool(scene, { name, input: given, result, ms, fails, error }))
      messages.push(toolResult(call, got instanceof StepFailedError ? `error: ${got.message}` : got))
    }
    for (let round = 0; round < (isDeep ? 2 : 1); round++) {
      const query = round === 0 ? question : `${question} criticism`
      const hits = sources.map(([title, url]) => ({ title, url }))
      use('web_search', { query }, hits, 700, 0.02, '503 search backend is overloaded')
      const seen = round === 0 ? sources : sources.slice(0, 1)
      for (const [, url, text] of seen) use('fetch_page', { url }, text, 1_300, 0.07, `403 Forbidden: ${url}`)
    }
    span.output = finding
    callModel(scene, { name: 'sum up', model: flash, messages: [...messages], reply: assistant(finding) })
    return finding
  })
}

function deduplicate({ recording, random }: Scene, findings: readonly string[]): void {
  const { name: model, provider } = smallEmbedding
  recording.span('EMBEDDING', 'embed findings', { model, provider, input: findings }, (span) => {
    recording.pass(random.around(130))
    span.inputTokens = Math.ceil(findings.join(' ').length / 4)
    span.output = { dimensions: 512, vectors: findings.length }
  })
}
