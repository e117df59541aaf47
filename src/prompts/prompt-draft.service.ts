import { NotFoundError } from '../errors.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { inTurns } from '../turns.ts'
import { etagOf } from './etag.ts'
import type { PromptRepository } from './prompt.repository.ts'
import { type PromptDraft, StaleRevisionError } from './prompt.ts'
import type { PromptDraftRepository } from './prompt-draft.repository.ts'
import { type PromptContentInput, readContent } from './prompt-input.ts'
import type { PromptSources } from './prompt-sources.service.ts'

interface Dependencies {
  prompts: Pick<PromptRepository, 'getPromptByName'>
  drafts: PromptDraftRepository
  sources: PromptSources
}

export type PromptDraftService = ReturnType<typeof createPromptDraftService>

export function createPromptDraftService({ prompts, drafts, sources }: Dependencies) {
  return {
    /** In the order asked; what is gone by now is an error of its own. */
    async getDrafts(viewer: Viewer, promptIds: readonly string[]): Promise<(PromptDraft | NotFoundError)[]> {
      requireScope(viewer, 'READ')
      const found = await drafts.findDrafts(viewer.tenantId, promptIds)
      const byPrompt = new Map(found.map((draft) => [draft.promptId, draft]))
      return promptIds.map((id) => byPrompt.get(id) ?? new NotFoundError('draft of the prompt', id))
    },

    /** Whole: what a second writer would undo is not written. */
    async updateDraft(
      viewer: Viewer,
      name: string,
      input: PromptContentInput,
      expectedRevision: number,
    ): Promise<PromptDraft> {
      requireScope(viewer, 'EDIT')
      const { tenantId } = viewer
      const { id } = await prompts.getPromptByName(tenantId, name)
      const content = await inTurns(() => readContent(input))
      const update = { content, etag: etagOf(content), evidence: null, expectedRevision, now: new Date() }
      const written = await drafts.updateDraft(tenantId, id, update)
      if (!written) {
        const [draft] = await drafts.findDrafts(tenantId, [id])
        throw draft
          ? new StaleRevisionError(expectedRevision, draft.revision)
          : new NotFoundError('prompt', name, 'name')
      }
      sources.announce(tenantId)
      return written
    },
  }
}
