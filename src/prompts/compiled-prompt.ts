import type { RawJson } from '../raw-json.ts'
import type { CompiledContent, PreparedContent } from './compile.ts'
import { type Manifest, manifestOf } from './manifest.ts'
import type { ModelConfig } from './prompt-content.ts'

/** A prompt as it goes to a model. */
export interface CompiledPrompt extends CompiledContent {
  etag: string
  /** Null: compiled from what is no version. */
  version: number | null
  manifest: Manifest
  model: ModelConfig | null
  tools: unknown
  toolChoice: unknown
  responseSchema: unknown
}

interface Made {
  /** The prompt's name; null of a session without one. */
  prompt: string | null
  version: number | null
  etag: string
  prepared: PreparedContent
  /** The content's JSON, where it is at hand. */
  contentJson?: RawJson
  compiled: CompiledContent
}

export function compiledPromptOf({ prompt, version, etag, prepared, contentJson, compiled }: Made): CompiledPrompt {
  const { content } = prepared
  const { model, tools, toolChoice, responseSchema } = content
  const manifest = manifestOf({ prompt, version, etag, content: contentJson ?? content, compiled })
  return { ...compiled, etag, version, manifest, model, tools, toolChoice, responseSchema }
}
