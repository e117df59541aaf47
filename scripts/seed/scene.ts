import type { Message, Tool } from './messages.ts'
import type { Model } from './models.ts'
import type { Compiled } from './prompt.ts'
import type { Random } from './random.ts'
import { type Recording, StepFailedError } from './recording.ts'

/** Where an agent plays: everything that it does goes into the recording. */
export interface Scene {
  recording: Recording
  random: Random
  /** How much of the two weeks (0 to 1) has gone. */
  age: number
}

/** What an SDK says of a run besides its spans. */
export interface Told {
  name: string
  tags?: string[]
  prompt?: Compiled
  messages?: readonly Message[]
  tools?: readonly Tool[]
  toolChoice?: unknown
  model?: Model
  output?: unknown
  success?: boolean
  outcome?: string
  /** Said where it failed; else its spans say it. */
  status?: 'COMPLETED' | 'FAILED' | 'TIMED_OUT'
  errorMessage?: string
  metadata?: Record<string, unknown>
  /** Of a run that is one call of a model, and has no spans. */
  call?: { inputTokens: number; outputTokens: number }
}

/** Some turns with one person about one thing, each a trace. */
export interface Conversation {
  userId: string
  turns: number
  play(turn: number, scene: Scene): Told
}

export interface Agent {
  name: string
  /** Of the conversations. */
  share: number
  /** Whether its turns have a conversation's id: a job that is done in one go has none. */
  isTalking: boolean
  begin(random: Random): Conversation
}

export function failureOf({ status, message }: StepFailedError): Pick<Told, 'status' | 'errorMessage' | 'success'> {
  return { status, errorMessage: message, success: false }
}

/** A tool does what it does, or fails as things on the network do. */
export function useTool<Result>(
  { recording, random }: Pick<Scene, 'recording' | 'random'>,
  { name, input, result, ms, fails = 0.01, error = 'ECONNRESET: socket hang up' }: ToolUse<Result>,
): Result {
  return recording.span('TOOL', name, { input }, (span) => {
    recording.pass(random.around(ms))
    if (random.chance(fails)) throw new StepFailedError(error)
    span.output = result
    return result
  })
}

interface ToolUse<Result> {
  name: string
  input: unknown
  result: Result
  /** The median of how long it takes. */
  ms: number
  fails?: number
  error?: string
}
