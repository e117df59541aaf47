import { assistant, calling, type Message, type Tool, tool, toolCall, toolResult } from '../messages.ts'
import { callModel } from '../model-call.ts'
import { gpt5, gpt5Mini, type Model, sonnet } from '../models.ts'
import { compilePrompt, type Prompt } from '../prompt.ts'
import { attempt, StepFailedError } from '../recording.ts'
import { type Agent, failureOf, type Scene, type Told, useTool } from '../scene.ts'
import { type CodingTask, codingTasks } from './coding-tasks.ts'

const rules =
  'You are a careful engineer working in a clone of {{ repository }}. Read before you write. Reproduce the fault with a ' +
  'failing test first, then make the smallest change that mends it. Keep to the style of the file. Never weaken or ' +
  'delete a test to make it pass. Run the tests after every change. When they pass, summarize for the reviewer in ' +
  'three sentences: cause, change, what you did not touch.\n\n' +
  'The repository: TypeScript, Go and Python services of a shop, each in a folder of its own, with tests beside it. Money ' +
  'is in cents, and never a float. Times are in UTC. What reads the database takes the tenant first. Errors say what was ' +
  'required and what came. A migration that was released is never edited: write another. Secrets come from the ' +
  'environment and are never logged, not even by their length. Public functions have one sentence of description; other ' +
  'comments say why. No new dependency without a word in the summary.\n\n' +
  'The sandbox: no network, 2 GiB of memory, 120 seconds a command. `run` gives the last 200 lines. `edit_file` takes a ' +
  'unified patch without a header and refuses one that does not apply; read the file again before you send another. ' +
  'Do not run the whole suite to find out about one test; do run it before you say that you are done. If a test fails ' +
  'that has nothing to do with the issue, say so and leave it. If the issue is wrong, say that, with the evidence, and ' +
  'change nothing. If you have tried the same thing twice, stop and think of another.'
const tools: readonly Tool[] = [
  tool('read_file', 'A file, whole or by lines.', ['path: string']),
  tool('search', 'Lines that match a regular expression.', ['pattern: string']),
  tool('edit_file', 'Applies a patch.', ['path: string', 'patch: string']),
  tool('run', 'Runs a command in a sandbox without network; 120 seconds at most.', ['command: string']),
]

const prompt: Prompt = {
  name: 'patch-step',
  versions: [
    {
      since: 0,
      blocks: [
        { id: 'rules', role: 'system', content: rules },
        { id: 'issue', role: 'user', content: '{{ issue }}: {{ title }}\n\n{{ body }}' },
      ],
    },
    {
      since: 0.5,
      blocks: [
        { id: 'rules', role: 'system', content: rules },
        {
          id: 'budget',
          role: 'system',
          when: 'max_steps < 12',
          holds: ({ max_steps }) => Number(max_steps) < 12,
          content: 'You have {{ max_steps }} steps. Say so early if that is not enough.',
        },
        { id: 'issue', role: 'user', content: '{{ issue }}: {{ title }}\n\n{{ body }}' },
      ],
    },
  ],
}

/** Mends an issue: plans, then reads, edits and runs tests until they pass or it gives up; another agent reviews. */
export const codingAgent: Agent = {
  name: 'patch-pilot',
  share: 14,
  isTalking: false,
  begin(random) {
    const task = random.pick(codingTasks)
    return {
      userId: random.pickSkewed(['marta', 'oleksii', 'priya', 'bjørn', 'ci-bot']),
      turns: random.chance(0.2) ? 2 : 1,
      play: (_, scene) => mend(scene, task),
    }
  },
}

function mend(scene: Scene, { files, ...task }: CodingTask): Told {
  const { recording, random, age } = scene
  const { repository, issue, title, body } = task
  const variables = { repository, issue, title, body, max_steps: random.pick([8, 12, 17]) }
  const compiled = compilePrompt(prompt, age, variables)
  const model = random.chance(0.6) ? gpt5 : sonnet
  const told: Told = {
    name: `${issue} ${title}`,
    tags: ['coding', repository.split('/')[1] ?? repository],
    prompt: compiled,
    messages: compiled.messages,
    tools,
    toolChoice: 'auto',
    model,
    metadata: { repository, branch: `fix/${issue.toLowerCase()}`, commit: random.hex(7) },
  }
  const input = { issue, title }
  const played = attempt(() =>
    recording.span('AGENT', 'patch-pilot', { input }, (root) => {
      const messages = [...compiled.messages]
      plan(scene, model, messages)
      const isMended = work(scene, { ...task, files }, { model, messages, steps: variables.max_steps })
      const isApproved = isMended && review(scene, task)
      root.output = isApproved ? task.summary : 'I could not make the tests pass within the steps that I have.'
      const outcome = isApproved ? 'pull request opened' : isMended ? 'changes requested' : 'gave up'
      return { ...told, output: assistant(root.output as string), success: isApproved, outcome }
    }),
  )
  return played instanceof StepFailedError ? { ...told, ...failureOf(played) } : played
}

function plan(scene: Scene, model: Model, messages: Message[]): void {
  scene.recording.span('CHAIN', 'plan', {}, () => {
    const reply = assistant('1. Find where it happens. 2. Write a failing test. 3. Smallest change. 4. Run all tests.')
    messages.push(callModel(scene, { name: 'plan', model, messages: [...messages], tools, toolChoice: 'none', reply }))
  })
}

interface Work {
  model: Model
  messages: Message[]
  steps: number
}

function work(scene: Scene, task: CodingTask, { model, messages, steps }: Work): boolean {
  const { recording, random } = scene
  const { files, search, patch, command, failure } = task
  const target = files[0]?.[0]
  const isHard = random.chance(0.22)
  const step = (number: number, name: string, given: object, result: unknown, ms: number) =>
    recording.span('CHAIN', `step ${number}`, {}, () => {
      const call = toolCall(random, name, given)
      const messagesNow = [...messages]
      messages.push(callModel(scene, { model, messages: messagesNow, tools, toolChoice: 'auto', reply: calling(call) }))
      const use = {
        name,
        input: given,
        result,
        ms,
        fails: 0.015,
        error: 'sandbox was restarted: out of memory (2 GiB)',
      }
      const got = attempt(() => useTool(scene, use))
      messages.push(toolResult(call, got instanceof StepFailedError ? `error: ${got.message}` : (got as string)))
    })

  step(1, 'search', { pattern: search }, files.map(([path]) => `${path}:12: ${search}`).join('\n'), 90)
  let number = 2
  for (const [path, text] of files) step(number++, 'read_file', { path }, text, 25)
  while (number + 1 < steps) {
    step(number++, 'edit_file', { path: target, patch }, 'applied', 40)
    const isPassing = !isHard && random.chance(0.55)
    step(number++, 'run', { command }, isPassing ? 'ok: 214 passed' : failure, 14_000)
    if (isPassing) return true
    if (number < steps) step(number++, 'read_file', { path: target }, files[0]?.[1] ?? '', 25)
  }
  return false
}

function review(scene: Scene, { patch, summary }: Pick<CodingTask, 'patch' | 'summary'>): boolean {
  const { recording, random } = scene
  return recording.span('AGENT', 'reviewer', { input: { patch } }, (span) => {
    const isApproved = random.chance(0.88)
    const verdict = isApproved ? 'approve' : 'request changes: the test covers one order of the carts only'
    const messages: Message[] = [
      { role: 'system', content: 'You review a patch that another agent wrote. Look for what it missed. Be strict.' },
      { role: 'user', content: `${summary}\n\n${patch}` },
    ]
    useTool(scene, { name: 'lint', input: { changed: true }, result: 'no findings', ms: 2_400 })
    callModel(scene, { name: 'review', model: gpt5Mini, messages, reply: assistant(verdict) })
    span.output = { verdict }
    return isApproved
  })
}
