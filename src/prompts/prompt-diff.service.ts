import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { inTurns } from '../turns.ts'
import { headOf, NoSuchContentError, type Prompt, readSelector, type Selector, type SelectorInput } from './prompt.ts'
import { diffContents, type PromptDiff } from './prompt-diff.ts'
import type { PromptSourceRepository } from './prompt-source.repository.ts'

interface Dependencies {
  sources: PromptSourceRepository
}

export function createPromptDiffService({ sources }: Dependencies) {
  async function getContent(tenantId: string, name: string, selector: Selector, field: string) {
    const source = await sources.findSource(tenantId, name, selector, null)
    if (source?.content) return source.content
    throw new NoSuchContentError(name, selector, { field })
  }

  return {
    async diffPrompt(
      viewer: Viewer,
      { name }: Prompt,
      { from, to }: { from: SelectorInput; to: SelectorInput },
    ): Promise<PromptDiff> {
      requireScope(viewer, 'READ')
      const [selectedBefore, selectedAfter] = [readSelector(from, 'from'), readSelector(to, 'to')]
      const [before, after] = await Promise.all([
        getContent(viewer.tenantId, name, selectedBefore, 'from'),
        getContent(viewer.tenantId, name, selectedAfter, 'to'),
      ])
      const names = { before: headOf(name, selectedBefore), after: headOf(name, selectedAfter) }
      return inTurns(() => diffContents(before, after, names))
    },
  }
}
