import { assistant, tokensOf, tool } from '../messages.ts'
import { flash, local } from '../models.ts'
import { compilePrompt, type Prompt } from '../prompt.ts'
import type { Agent, Scene, Told } from '../scene.ts'

const task =
  'Sort a mail to a shop for outdoor things. Call file_mail once. Categories: order, return, warranty, advice, press, ' +
  'spam. Urgency 1 (today) to 3 (this week).'
const prompt: Prompt = {
  name: 'mail-triage',
  versions: [
    {
      since: 0,
      blocks: [
        { id: 'task', role: 'system', content: task },
        { id: 'mail', role: 'user', content: 'From: {{ sender }}\n\n{{ mail }}' },
      ],
    },
    {
      since: 0.7,
      blocks: [
        { id: 'task', role: 'system', content: `${task} Anything about injuries or fire is urgency 1.` },
        { id: 'mail', role: 'user', content: 'From: {{ sender }}\n\n{{ mail }}' },
      ],
    },
  ],
}
const tools = [
  tool('file_mail', 'Puts the mail where it belongs.', ['category: string', 'urgency: integer', 'language: string']),
]

const mails: readonly [text: string, category: string, urgency: number, language: string][] = [
  ['Your stove caught fire at the valve yesterday. Nobody was hurt. What do I do with it?', 'warranty', 1, 'en'],
  ['Kann ich die Bestellung noch ändern? Ich hätte gern Größe L statt M.', 'order', 1, 'de'],
  ['¿Tienen la mochila Skarv de 65 litros en verde? No la encuentro en la web.', 'advice', 3, 'es'],
  ['Congratulations!!! Your domain has been selected, click to claim', 'spam', 3, 'en'],
  ['Je voudrais retourner deux sacs de couchage, encore emballés. Comment faire ?', 'return', 2, 'fr'],
  ['I write for a magazine on slow travel and would love to borrow a Fjord 2 for a test.', 'press', 3, 'en'],
  ['寝袋の洗濯方法を教えてください。ダウンは乾燥機に入れても大丈夫ですか？', 'advice', 3, 'ja'],
  ['Tältstången gick av i första stormen. Kvittot bifogas.', 'warranty', 2, 'sv'],
]

/** Sorts mails: one call of a model, told as such, without spans. */
export const triageAgent: Agent = {
  name: 'mail-triage',
  share: 14,
  isTalking: false,
  begin(random) {
    return {
      userId: 'mailbox',
      turns: 1,
      play: (_, scene) => sort(scene, random.pick(mails)),
    }
  },
}

function sort({ recording, random, age }: Scene, [mail, category, urgency, language]: (typeof mails)[number]): Told {
  const model = random.chance(0.3) ? local : flash
  const compiled = compilePrompt(prompt, age, { mail, sender: `${random.hex(6)}@mail.example` })
  const told: Told = {
    name: 'sort mail',
    tags: ['triage', language],
    prompt: compiled,
    messages: compiled.messages,
    tools,
    toolChoice: { type: 'function', function: { name: 'file_mail' } },
    model,
  }
  recording.pass(random.around(model.firstTokenMs * 2))
  if (random.chance(0.03)) {
    const text = assistant(`It is about ${category}, I think.`)
    return {
      ...told,
      output: text,
      success: false,
      outcome: 'no tool call',
      status: 'FAILED',
      errorMessage: 'file_mail was not called',
    }
  }
  const filed = JSON.stringify({ category, urgency, language })
  const calls = [{ id: `call_${random.hex(12)}`, type: 'function', function: { name: 'file_mail', arguments: filed } }]
  const read = tokensOf(compiled.messages.map(({ content }) => content).join('\n')) + tokensOf(JSON.stringify(tools))
  const call = { inputTokens: read, outputTokens: tokensOf(filed) + 12 }
  return {
    ...told,
    output: { role: 'assistant', content: null, tool_calls: calls },
    outcome: category,
    status: 'COMPLETED',
    success: true,
    call,
  }
}
