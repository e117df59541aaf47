import { cleanText } from '../clean.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { inTurns } from '../turns.ts'
import { compileContent } from './compile.ts'
import { type CompiledPrompt, compiledPromptOf } from './compiled-prompt.ts'
import type { PromptRepository } from './prompt.repository.ts'
import { NoSuchContentError, readSelector, type Selector, type SelectorInput } from './prompt.ts'
import type { PromptSources } from './prompt-sources.service.ts'
import { readVariables } from './variables.ts'

export interface CompileInput {
  name: string
  selector?: SelectorInput | null | undefined
  variables?: unknown
}

interface Dependencies {
  prompts: Pick<PromptRepository, 'getPromptByName'>
  sources: PromptSources
}

export function createCompileService({ prompts, sources }: Dependencies) {
  async function refuse(tenantId: string, name: string, selector: Selector): Promise<never> {
    await prompts.getPromptByName(tenantId, name)
    const hint = 'Publish it with publishPrompt, or ask for the draft: selector: {draft: true}.'
    throw new NoSuchContentError(name, selector, { field: 'selector', hint })
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
      const values = readVariables(variables)
      const compiled = await inTurns(() => compileContent(source.prepared, values, { isLenient: false }))
      const { number: version, etag, prepared, contentJson } = source
      return compiledPromptOf({ prompt: name, version, etag, prepared, contentJson, compiled })
    },
  }
}
