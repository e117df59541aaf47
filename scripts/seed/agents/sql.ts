import { assistant, type Message } from '../messages.ts'
import { callModel } from '../model-call.ts'
import { geminiPro, local, type Model } from '../models.ts'
import { type Compiled, compilePrompt, type Prompt } from '../prompt.ts'
import { attempt, StepFailedError } from '../recording.ts'
import { type Agent, failureOf, type Scene, type Told, useTool } from '../scene.ts'
import { type SqlQuestion, sqlQuestions } from './sql-questions.ts'

const prompt: Prompt = {
  name: 'sql-writer',
  versions: [
    {
      since: 0,
      blocks: [
        {
          id: 'task',
          role: 'system',
          content: 'Write one PostgreSQL query that answers the question. Only SELECT. Tables:\n{{ tables }}',
        },
        { id: 'question', role: 'user', content: '{{ question }}' },
      ],
    },
    {
      since: 0.28,
      blocks: [
        {
          id: 'task',
          role: 'system',
          content:
            'Write one PostgreSQL 16 query that answers the question. Only SELECT, no semicolon. Money is in cents. Leave ' +
            'cancelled orders out. If the tables below can’t answer it, say which is missing.\nTables:\n{{ tables }}',
        },
        {
          id: 'retry',
          role: 'system',
          when: 'attempt > 1',
          holds: ({ attempt }) => Number(attempt) > 1,
          content: 'A former query failed with: {{ error }}',
        },
        { id: 'question', role: 'user', content: '{{ question }}' },
      ],
    },
  ],
}

/** Answers questions about the shop's figures: writes SQL, runs it, mends it once, tells what came out. */
export const sqlAgent: Agent = {
  name: 'sql-analyst',
  share: 18,
  isTalking: true,
  begin(random) {
    // What may not leave the house is asked of the model in the cellar.
    const model = random.chance(0.25) ? local : geminiPro
    return {
      userId: random.pickSkewed(['analyst-lena', 'analyst-rui', 'controller-hans', 'ceo']),
      turns: random.whole(1, 3),
      play: (_, scene) => answerQuestion(scene, random.pick(sqlQuestions), model),
    }
  },
}

function answerQuestion(scene: Scene, about: SqlQuestion, model: Model): Told {
  const { recording, random, age } = scene
  const { question, language } = about
  const compile = (attempt: number, error = '') =>
    compilePrompt(prompt, age, { question, tables: about.tables.join('\n'), attempt, error })
  let compiled = compile(1)
  const told: Told = {
    name: question,
    tags: ['analytics', language],
    model,
    metadata: { warehouse: 'shop_dwh', confidential: model === local },
  }
  const played = attempt(() =>
    recording.span('AGENT', 'sql-analyst', { input: { question } }, (root) => {
      findTables(scene, about)
      const slips = random.chance(0.3) ? (random.chance(0.15) ? 2 : 1) : 0
      for (let number = 1; ; number++) {
        const isSlip = number <= slips
        const got = query(scene, { about, model, compiled, isSlip })
        if (!(got instanceof StepFailedError)) break
        if (number === 2) throw got
        compiled = compile(number + 1, got.message)
      }
      const reply = tell(scene, about, model)
      root.output = reply
      return {
        ...told,
        output: reply,
        outcome: 'answered',
        ...(random.chance(0.4) && { success: random.chance(0.93) }),
      }
    }),
  )
  const asked = { prompt: compiled, messages: compiled.messages }
  if (!(played instanceof StepFailedError)) return { ...played, ...asked }
  return { ...told, ...asked, ...failureOf(played), outcome: 'query failed' }
}

function findTables({ recording, random }: Scene, { question, tables }: SqlQuestion): void {
  recording.span('RETRIEVER', 'table catalogue', { input: { query: question, k: 4 } }, (span) => {
    recording.pass(random.around(35))
    span.output = tables.map((text) => ({ text, score: Math.round((0.6 + random.fraction() * 0.35) * 100) / 100 }))
  })
}

interface Query {
  about: SqlQuestion
  model: Model
  compiled: Compiled
  isSlip: boolean
}

function query(scene: Scene, { about, model, compiled, isSlip }: Query): unknown {
  const { recording, random } = scene
  const sql = isSlip ? about.slip.sql : about.sql
  return attempt(() =>
    recording.span('CHAIN', 'write and run', {}, (span) => {
      const attributes = { promptName: compiled.promptName, etag: compiled.etag }
      callModel(scene, { name: 'write sql', model, messages: compiled.messages, reply: assistant(sql), attributes })
      recording.span('GUARDRAIL', 'read only', { input: sql }, (guard) => {
        recording.pass(2)
        guard.output = { allowed: true, statements: 1 }
      })
      const slow = random.chance(0.02)
      span.output = recording.span('TOOL', 'run_query', { input: { sql } }, (run) => {
        recording.pass(slow ? 30_000 : random.around(420, 0.9))
        if (slow) throw new StepFailedError('ERROR 57014: canceling statement due to statement timeout', 'TIMED_OUT')
        if (isSlip) throw new StepFailedError(about.slip.error)
        run.output = { rows: about.rows, rowCount: about.rows.length }
        return run.output
      })
      return span.output
    }),
  )
}

function tell(scene: Scene, { question, rows, answer }: SqlQuestion, model: Model): Message {
  const { random, recording } = scene
  const messages: Message[] = [
    { role: 'system', content: 'Tell the result in two sentences, in the language of the question. Round figures.' },
    { role: 'user', content: `${question}\n\n${JSON.stringify(rows)}` },
  ]
  return recording.span('CHAIN', 'tell', {}, () => {
    if (random.chance(0.35))
      useTool(scene, { name: 'draw_chart', input: { rows }, result: { url: 'chart.svg' }, ms: 260 })
    return callModel(scene, { name: 'tell result', model, messages, reply: assistant(answer) })
  })
}
