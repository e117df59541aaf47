import { cleanText } from '../clean.ts'
import { ConflictError, NotFoundError } from '../errors.ts'
import { newId } from '../ids.ts'
import { type Page, pageOf, readPage } from '../page.ts'
import { requireName } from '../tenants/name.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { inTurns } from '../turns.ts'
import { etagOf } from './etag.ts'
import type { PromptRepository } from './prompt.repository.ts'
import { NameTakenError, type Prompt, type PromptsInput, promptCursor, readPromptPosition } from './prompt.ts'
import { type PromptContentInput, readContent, readText } from './prompt-input.ts'
import type { PromptSources } from './prompt-sources.service.ts'
import { describeUse, type TraceUse } from './prompt-use.ts'
import type { PromptVersionRepository } from './prompt-version.repository.ts'

export interface CreatePromptInput {
  name: string
  description?: string | null | undefined
  content: PromptContentInput
}

/** A page of prompts; how many there are in all is counted only where a client asks. */
export interface PromptPage extends Page<Prompt> {
  cursorOf(prompt: Prompt): string
  countAll(): Promise<number>
}

interface Dependencies {
  prompts: PromptRepository
  versions: Pick<PromptVersionRepository, 'listEtags'>
  sources: PromptSources
  traceUse: TraceUse
}

const maxDescription = 2_000

export type PromptService = ReturnType<typeof createPromptService>

export function createPromptService({ prompts, versions, sources, traceUse }: Dependencies) {
  return {
    async listPrompts(viewer: Viewer, { search: given, ...input }: PromptsInput): Promise<PromptPage> {
      requireScope(viewer, 'READ')
      const search = given ? cleanText(given) : null
      const page = readPage(input)
      const after = readPromptPosition(page)
      const rows = await prompts.listPrompts(viewer.tenantId, { search, after, limit: page.size + 1 })
      return {
        ...pageOf(rows, page),
        cursorOf: promptCursor,
        countAll: () => prompts.countPrompts(viewer.tenantId, search),
      }
    },

    /** In the order asked; what is gone by now is an error of its own. */
    async getPrompts(viewer: Viewer, ids: readonly string[]): Promise<(Prompt | NotFoundError)[]> {
      requireScope(viewer, 'READ')
      const found = await prompts.findPrompts(viewer.tenantId, ids)
      const byId = new Map(found.map((prompt) => [prompt.id, prompt]))
      return ids.map((id) => byId.get(id) ?? new NotFoundError('prompt', id))
    },

    /** In the order asked; null where the tenant has none of that name. */
    async findPromptsByName(viewer: Viewer, names: readonly string[]): Promise<(Prompt | null)[]> {
      requireScope(viewer, 'READ')
      const found = await prompts.findPromptsByName(viewer.tenantId, names.map(cleanText))
      const byName = new Map(found.map((prompt) => [prompt.name, prompt]))
      return names.map((name) => byName.get(cleanText(name)) ?? null)
    },

    async createPrompt(viewer: Viewer, input: CreatePromptInput): Promise<Prompt> {
      requireScope(viewer, 'EDIT')
      const name = requireName(input.name, 'input.name')
      const description = readText(input.description, maxDescription, 'input.description')
      const content = await inTurns(() => readContent(input.content, 'input.content'))
      const now = new Date()
      const prompt = { id: newId('pr'), name, description, createdAt: now, updatedAt: now }
      const isNew = await prompts.insertPrompt(viewer.tenantId, { ...prompt, content, etag: etagOf(content) })
      if (!isNew) throw new NameTakenError(name)
      sources.announce(viewer.tenantId)
      return prompt
    },

    /** What somebody points at, or was made with, stays. */
    async deletePrompt(viewer: Viewer, name: string): Promise<boolean> {
      requireScope(viewer, 'PUBLISH')
      const { tenantId } = viewer
      const prompt = await prompts.getPromptByName(tenantId, name)
      const etags = await versions.listEtags(tenantId, prompt.id)
      const used = await traceUse.findUsedEtags(tenantId, prompt.name, etags)
      if (used.length > 0) throw new ConflictError(describeUse(`the prompt "${name}"`, used.length), { field: 'name' })
      const removal = await prompts.removePrompt(tenantId, prompt.id)
      if (removal === 'gone') throw new NotFoundError('prompt', name, 'name')
      if (removal === 'labelled') {
        throw new ConflictError(`Labels point at versions of the prompt "${name}": it can't be deleted.`, {
          field: 'name',
          hint: 'Remove its labels with removePromptLabel first.',
        })
      }
      sources.announce(tenantId)
      return true
    },
  }
}
