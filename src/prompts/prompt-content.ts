/** What a prompt says, and what it asks of a model. Of an immutable version, of a draft, of a session. */
export interface PromptContent {
  blocks: PromptBlock[]
  /** Declared ones. What else a block uses is there without being declared: not required, and without a default. */
  variables: PromptVariable[]
  model: ModelConfig | null
  /** JSON, as the model's provider takes it; null where there is none. */
  tools: unknown
  toolChoice: unknown
  responseSchema: unknown
}

export const blockRoles = ['SYSTEM', 'USER', 'ASSISTANT', 'TOOL'] as const
export type BlockRole = (typeof blockRoles)[number]

/**
 * TEXT: a template. JSON: a JSON text whose strings are templates, for messages that are no text: a list is the
 * message's content in parts, an object its members (tool calls, the id of the call that a result answers).
 */
export const blockFormats = ['TEXT', 'JSON'] as const
export type BlockFormat = (typeof blockFormats)[number]

interface FormatInput {
  format?: BlockFormat | null | undefined
  content: string
}

/**
 * The format of a block that is written. Whoever leaves it out may not know of formats at all: such a block keeps the
 * one that it has, unless it was JSON and what is written now can't be meant to be. `{{` begins a placeholder.
 */
export function formatOf({ format, content }: FormatInput, known: BlockFormat | undefined): BlockFormat {
  return format ?? (known === 'JSON' && /^\s*(?:[["]|\{(?!\{))/.test(content) ? 'JSON' : 'TEXT')
}

/** One message, where it is put in. */
export interface PromptBlock {
  /** Unique in its prompt, and the same for as long as the block lives: diffs go by it. */
  id: string
  name: string | null
  role: BlockRole
  format: BlockFormat
  content: string
  /** A CEL condition over the variables; null: always. */
  when: string | null
  enabled: boolean
}

export interface PromptVariable {
  name: string
  description: string | null
  required: boolean
  /** What it is where it isn't given; null: nothing. */
  default: unknown
}

export interface ModelConfig {
  provider: string
  name: string
  /** A JSON object (temperature and such), or null. */
  parameters: unknown
}
