import { createHash } from 'node:crypto'
import type { Message } from './messages.ts'

/** Text that stands in a prompt always, or on a condition: as it is written, and as it is. */
export interface Block {
  id: string
  role: 'system' | 'user'
  content: string
  when?: string
  holds?: (variables: Variables) => boolean
}

export interface PromptVersion {
  /** How much of the two weeks (0 to 1) had gone when it was published. */
  since: number
  blocks: readonly Block[]
}

/** Its versions, oldest first. */
export interface Prompt {
  name: string
  versions: readonly PromptVersion[]
}

export type Variables = Record<string, string | number | boolean>

export interface Compiled {
  promptName: string
  etag: string
  version: number
  variables: Variables
  manifest: { blocks: { id: string; role: string; when?: string; included: boolean }[]; version: number }
  messages: Message[]
}

/** As it stood at that age of the two weeks. */
export function compilePrompt({ name, versions }: Prompt, age: number, variables: Variables): Compiled {
  const index = Math.max(
    0,
    versions.findLastIndex(({ since }) => since <= age),
  )
  const { blocks } = versions[index] as PromptVersion
  const isIncluded = ({ holds }: Block) => holds?.(variables) ?? true
  const content = blocks.map(({ id, role, content, when }) => ({ id, role, content, when }))
  return {
    promptName: name,
    etag: createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16),
    version: index + 1,
    variables,
    manifest: {
      version: index + 1,
      blocks: blocks.map((block) => ({
        id: block.id,
        role: block.role,
        ...(block.when && { when: block.when }),
        included: isIncluded(block),
      })),
    },
    messages: blocks.filter(isIncluded).map(({ role, content }) => ({ role, content: fill(content, variables) })),
  }
}

export function fill(text: string, variables: Variables): string {
  return text.replace(/\{\{ (\w+) \}\}/g, (whole, name) => String(variables[name] ?? whole))
}
