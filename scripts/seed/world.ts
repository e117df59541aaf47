import { agents } from './agents.ts'
import { type Calendar, createCalendar } from './calendar.ts'
import { type Gap, gaps, tellHalf } from './half-told.ts'
import { createRandom, type Random } from './random.ts'
import { createRecording } from './recording.ts'
import type { Agent, Conversation } from './scene.ts'
import { draftOf, recordOf, type TraceDraft, type TraceRecord } from './trace.ts'

/**
 * What a shop's agents did in the two weeks before `until`: conversations of one or more turns and nightly test runs,
 * one after the other, each from a chance of its own. What happens depends on the seed, when on `until`, and ids on
 * both: were they the same for another `until`, the two would be merged into traces that last for days.
 */
export function* traces({ seed, until, count }: { seed: number; until: Date; count: number }): Generator<TraceRecord> {
  const calendar = createCalendar(until)
  let made = 0
  for (let number = 0; made < count; number++) {
    const random = createRandom(seed, number)
    const newId = createRandom(seed, until.toISOString(), number).hex
    const occasion = { seed, number, random, newId, calendar }
    const played = number % testRunEvery === testRunEvery - 1 ? playTestRun(occasion) : playConversation(occasion)
    for (const trace of played.slice(0, count - made)) yield recordOf(trace)
    made += played.length
  }
}

const testRunEvery = 30
/** Every so many conversations, the last turn of one is told by half. */
const gapEvery = 16
const gapAt = 5

interface Occasion {
  seed: number
  number: number
  random: Random
  newId: Random['hex']
  calendar: Calendar
}

function playConversation(occasion: Occasion): TraceDraft[] {
  const { number, random, newId, calendar } = occasion
  const agent = random.pickByShare(agents)
  const gap = gapOf(number)
  const start = calendar.momentAt(random.fraction())
  const conversationId = agent.isTalking ? `conv_${newId(12)}` : undefined
  const env = random.pickByShare(environments).name
  const drafts = playTurns(occasion, { agent, start, conversationId, tags: [env], env })
  const last = drafts.pop()
  if (!last) return []
  // A single call has nothing that could be missing.
  drafts.push(gap && last.spans.length > 3 ? tellHalf(last, gap, random) : last)
  return shiftInto(calendar, drafts, gap === 'running')
}

function gapOf(number: number): Gap | undefined {
  return number % gapEvery === gapAt ? gaps[Math.floor(number / gapEvery) % gaps.length] : undefined
}

const environments = [
  { share: 88, name: 'production' },
  { share: 12, name: 'staging' },
]

/** The same questions every night: who changed a prompt sees in the morning what it did. */
function playTestRun(occasion: Occasion): TraceDraft[] {
  const { random, calendar } = occasion
  const agent = random.pickByShare(agents)
  const night = new Date(calendar.begin)
  night.setUTCDate(night.getUTCDate() + random.whole(1, 13))
  night.setUTCHours(2, random.whole(0, 20), 0, 0)
  const runId = `eval-${agent.name}-${night.toISOString().slice(0, 10)}`
  const drafts: TraceDraft[] = []
  const cases = random.whole(5, 12)
  for (let start = night.getTime(); drafts.length < cases; start = (drafts.at(-1)?.endedAt ?? start) + 500) {
    const [first] = playTurns(occasion, { agent, start, runId, tags: ['eval', 'nightly'], env: 'test', turns: 1 })
    if (!first) break
    const { told } = first
    drafts.push({ ...first, told: { ...told, success: told.success ?? random.chance(0.92) } })
  }
  return drafts
}

interface Setting {
  agent: Agent
  start: number
  conversationId?: string | undefined
  runId?: string
  tags: string[]
  env: string
  turns?: number
}

function playTurns({ seed, random, newId, calendar }: Occasion, setting: Setting): TraceDraft[] {
  const { agent, start, conversationId, runId, tags, env } = setting
  const conversation: Conversation = agent.begin(random)
  const region = random.pick(['eu-central-1', 'eu-north-1', 'us-east-1'])
  const drafts: TraceDraft[] = []
  let startedAt = start
  for (let turn = 0; turn < (setting.turns ?? conversation.turns); turn++) {
    const recording = createRecording(startedAt, () => newId(16))
    const age = calendar.ageAt(startedAt)
    const told = conversation.play(turn, { recording, random, age })
    // By `seed`, what is made up can be told from what is not.
    const metadata = { seed, env, region, release: releaseAt(age), sdk: 'nordlicht-agents/2.3.1' }
    const links = { userId: conversation.userId, ...(conversationId && { conversationId }), ...(runId && { runId }) }
    const around = { ...links, tags, metadata }
    drafts.push(draftOf(recording, { id: newId(32), agent: agent.name, startedAt, told, around }))
    // People read, think and type before they write again.
    startedAt = recording.now() + Math.round(random.around(90_000, 0.9))
  }
  return drafts
}

/** A release every other day or so. */
function releaseAt(age: number): string {
  return `2.${41 + Math.floor(age * 6)}.${Math.floor((age * 18) % 3)}`
}

/** Nothing happens after `until`; what still runs, runs then. */
function shiftInto({ end }: Calendar, drafts: TraceDraft[], isRunning: boolean): TraceDraft[] {
  const lastEnd = Math.max(...drafts.map(({ endedAt }) => endedAt))
  const shift = isRunning ? end - lastEnd : Math.min(0, end - lastEnd)
  if (shift === 0) return drafts
  return drafts.map((draft) => ({
    ...draft,
    startedAt: draft.startedAt + shift,
    endedAt: draft.endedAt + shift,
    spans: draft.spans.map((span) => ({
      ...span,
      startedAt: span.startedAt + shift,
      ...(span.endedAt !== undefined && { endedAt: span.endedAt + shift }),
    })),
  }))
}
