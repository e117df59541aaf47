import { NotFoundError } from '../errors.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { inTurns } from '../turns.ts'
import { etagOf } from './etag.ts'
import type { PromptRepository } from './prompt.repository.ts'
import { type Prompt, type PromptDraft, StaleRevisionError } from './prompt.ts'
import type { PromptDraftRepository } from './prompt-draft.repository.ts'
import { keepFormats, type PromptContentInput, readContent } from './prompt-input.ts'
import type { PromptSources } from './prompt-sources.service.ts'

interface Dependencies {
  prompts: Pick<PromptRepository, 'getPromptByName'>
  drafts: PromptDraftRepository
  sources: PromptSources
}

interface Writing {
  input: PromptContentInput
  expectedRevision: number
}

export type PromptDraftService = ReturnType<typeof createPromptDraftService>

export function createPromptDraftService({ prompts, drafts, sources }: Dependencies) {
  async function getDraft(tenantId: string, { id, name }: Prompt): Promise<PromptDraft> {
    const [draft] = await drafts.findDrafts(tenantId, [id])
    if (!draft) throw new NotFoundError('prompt', name, 'name')
    return draft
  }

  /** With the formats of the revision that was read, where blocks of it are written without. */
  async function withFormats(tenantId: string, prompt: Prompt, { input, expectedRevision }: Writing) {
    if (!input.blocks.some(({ id, format }) => id && !format)) return input
    const { revision, content } = await getDraft(tenantId, prompt)
    if (revision !== expectedRevision) throw new StaleRevisionError(expectedRevision, revision)
    return keepFormats(input, content)
  }

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
      const prompt = await prompts.getPromptByName(tenantId, name)
      const whole = await withFormats(tenantId, prompt, { input, expectedRevision })
      const content = await inTurns(() => readContent(whole))
      const update = { content, etag: etagOf(content), evidence: null, expectedRevision, now: new Date() }
      const written = await drafts.updateDraft(tenantId, prompt.id, update)
      if (!written) {
        const { revision } = await getDraft(tenantId, prompt)
        throw new StaleRevisionError(expectedRevision, revision)
      }
      sources.announce(tenantId)
      return written
    },
  }
}
