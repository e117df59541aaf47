import { cleanJson, cleanText, JsonNumberError, JsonTooDeepError } from '../clean.ts'
import { DomainError, InvalidInputError, NotFoundError } from '../errors.ts'
import { shown } from '../shown.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { type CompiledContent, compileContent } from './compile.ts'
import { manifestOf } from './manifest.ts'
import type { PromptRepository } from './prompt.repository.ts'
import { nameOfSelector, publishedLabel, readSelector, type Selector, type SelectorInput } from './prompt.ts'
import type { ModelConfig } from './prompt-content.ts'
import type { PromptSources } from './prompt-sources.service.ts'

export interface CompileInput {
  name: string
  selector?: SelectorInput | null | undefined
  variables?: unknown
}

/** A prompt as it goes to a model. */
export interface CompiledPrompt extends CompiledContent {
  etag: string
  /** Null: compiled from what is no version. */
  version: number | null
  manifest: unknown
  model: ModelConfig | null
  tools: unknown
  toolChoice: unknown
  responseSchema: unknown
}

interface Dependencies {
  prompts: Pick<PromptRepository, 'findPromptsByName'>
  sources: PromptSources
}

export function createCompileService({ prompts, sources }: Dependencies) {
  async function refuse(tenantId: string, name: string, selector: Selector): Promise<never> {
    const [prompt] = await prompts.findPromptsByName(tenantId, [name])
    if (!prompt) throw new NotFoundError('prompt', name, 'name')
    const isUnpublished = selector.kind === 'label' && selector.name === publishedLabel
    throw new DomainError('NOT_FOUND', `The prompt "${name}" has no ${nameOfSelector(selector)}.`, {
      field: 'selector',
      ...(isUnpublished && { hint: 'Publish it with publishPrompt, or ask for the draft: selector: {draft: true}.' }),
    })
  }

  return {
    async compilePrompt(
      viewer: Viewer,
      { name: given, selector: input, variables }: CompileInput,
    ): Promise<CompiledPrompt> {
      requireScope(viewer, 'READ')
      const name = cleanText(given)
      const selector = readSelector(input, 'selector')
      const source = await sources.findSource(viewer.tenantId, name, selector)
      if (!source) return refuse(viewer.tenantId, name, selector)
      const compiled = compileContent(source.prepared, readVariables(variables), { isLenient: false })
      const { number: version, etag, prepared, contentJson } = source
      const { model, tools, toolChoice, responseSchema } = prepared.content
      const manifest = manifestOf({ prompt: name, version, etag, content: contentJson, compiled })
      return { ...compiled, etag, version, manifest, model, tools, toolChoice, responseSchema }
    },
  }
}

const maxVariablesDepth = 100

function readVariables(variables: unknown, field = 'variables'): Record<string, unknown> {
  const given = variables ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new InvalidInputError(field, `Variables are a JSON object, by name; got ${shown(given)}.`)
  }
  try {
    return cleanJson(given, maxVariablesDepth) as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof JsonTooDeepError || error instanceof JsonNumberError)) throw error
    const rule = `Variables are JSON, nested ${maxVariablesDepth} deep at most, with numbers that fit 64 bits`
    throw new InvalidInputError(field, `${rule}; got others.`)
  }
}
