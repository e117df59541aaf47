import { isRecord } from '../json-record.ts'
import { compileContent, type PreparedContent } from '../prompts/compile.ts'
import type { PromptVersion } from '../prompts/prompt.ts'
import { type BlockRole, blockRoles, type PromptBlock, type PromptContent } from '../prompts/prompt-content.ts'
import type { PromptDiff } from '../prompts/prompt-diff.ts'
import { pretty } from '../prompts/prompt-text.ts'

export const driftTargets = ['PUBLISHED', 'DRAFT'] as const
export type DriftTarget = (typeof driftTargets)[number]

export const driftStatuses = ['CURRENT', 'DRIFTED', 'UNKNOWN_PROMPT', 'UNKNOWN_VERSION'] as const
export type DriftStatus = (typeof driftStatuses)[number]

/** How the prompt of a trace differs by now. */
export interface TraceDrift {
  status: DriftStatus
  tracedVersion: PromptVersion | null
  /** Null where there is none, or the draft is no version. */
  currentVersion: PromptVersion | null
  findDiff(): Promise<PromptDiff | null>
}

const maxMessages = 500
/** Of messages, variables or a manifest as JSON: what is larger is not looked at. */
export const maxJsonLength = 1_000_000

/** Messages as contents of which one can be told from the other: a block for each. Null: they are too many. */
export function contentOfMessages(messages: unknown): PromptContent | null {
  const list = Array.isArray(messages) ? messages : [messages]
  return list.length > maxMessages ? null : { ...nothingElse, blocks: list.map(blockOf) }
}

/** What would be sent now in place of what was sent then. Variables that weren't recorded are left empty. */
export function currentMessages(prepared: PreparedContent, variables: unknown): unknown[] {
  const given = isRecord(variables) ? variables : {}
  return compileContent(prepared, given, { isLenient: true }).messages
}

const nothingElse = { variables: [], model: null, tools: null, toolChoice: null, responseSchema: null }

function blockOf(message: unknown, index: number): PromptBlock {
  const { role, content, ...others } = isRecord(message) ? message : { role: 'user', content: message }
  const isText = typeof content === 'string' && Object.keys(others).length === 0
  return {
    id: `message-${index + 1}`,
    name: null,
    role: roleOf(role),
    format: isText ? 'TEXT' : 'JSON',
    content: isText ? content : pretty({ content, ...others }),
    when: null,
    enabled: true,
  }
}

function roleOf(role: unknown): BlockRole {
  const name = typeof role === 'string' ? role.toUpperCase() : ''
  return blockRoles.find((known) => known === name) ?? (name === 'DEVELOPER' ? 'SYSTEM' : 'USER')
}
