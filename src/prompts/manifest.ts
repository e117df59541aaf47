import { z } from 'zod'
import { InvalidInputError } from '../errors.ts'
import type { RawJson } from '../raw-json.ts'
import type { CompiledContent } from './compile.ts'
import { blockFormats, blockRoles, type PromptContent } from './prompt-content.ts'
import { readUncompiled } from './prompt-input.ts'

/**
 * What a client stores with its trace: the whole content that was compiled, so that the call opens exactly, also where
 * nobody knows its etag (a draft of yesterday).
 */
export interface Manifest {
  format: typeof manifestFormat
  prompt: string | null
  version: number | null
  etag: string
  /** The ids of the blocks that were put in. */
  included: string[]
  content: PromptContent | RawJson
}

export const manifestFormat = 'tracemend/1'

interface Made {
  prompt: string | null
  version: number | null
  etag: string
  content: PromptContent | RawJson
  compiled: Pick<CompiledContent, 'blocks'>
}

export function manifestOf({ prompt, version, etag, content, compiled }: Made): Manifest {
  const included = compiled.blocks.filter((block) => block.included).map(({ block }) => block.id)
  return { format: manifestFormat, prompt, version, etag, included, content }
}

const manifestShape = z.object({
  format: z.literal(manifestFormat),
  content: z.object({
    blocks: z.array(
      z.object({
        id: z.string(),
        name: z.string().nullable(),
        role: z.enum(blockRoles),
        format: z.enum(blockFormats),
        content: z.string(),
        when: z.string().nullable(),
        enabled: z.boolean(),
      }),
    ),
    variables: z.array(
      z.object({
        name: z.string(),
        description: z.string().nullable(),
        required: z.boolean(),
        default: z.unknown(),
      }),
    ),
    model: z.object({ provider: z.string(), name: z.string(), parameters: z.unknown() }).nullable(),
    tools: z.unknown(),
    toolChoice: z.unknown(),
    responseSchema: z.unknown(),
  }),
})

/**
 * The content in a manifest of our own; null for any other value. What it says of itself is checked, not believed; that
 * it can be compiled is not said.
 */
export function readManifest(manifest: unknown): PromptContent | null {
  const { data } = manifestShape.safeParse(manifest)
  if (!data) return null
  try {
    return readUncompiled(data.content)
  } catch (error) {
    if (error instanceof InvalidInputError) return null
    throw error
  }
}
