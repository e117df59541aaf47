import { ConflictError, InvalidInputError, NotFoundError } from '../errors.ts'
import { type Page, type PageInput, pageOf, readPage } from '../page.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { PromptRepository } from './prompt.repository.ts'
import {
  keyOfNamedEtag,
  keyOfVersion,
  type NamedEtag,
  NoSuchContentError,
  numberCursor,
  type Prompt,
  type PromptVersion,
  publishedLabel,
  readNumberPosition,
  readSelector,
  type SelectorInput,
  type VersionKey,
} from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'
import type { PromptSources } from './prompt-sources.service.ts'
import { describeUse, type TraceUse } from './prompt-use.ts'
import type { PromptVersionRepository } from './prompt-version.repository.ts'

/** A page of versions; how many there are in all is counted only where a client asks. */
export interface VersionPage extends Page<PromptVersion> {
  cursorOf(version: PromptVersion): string
  countAll(): Promise<number>
}

interface Dependencies {
  prompts: Pick<PromptRepository, 'getPromptByName'>
  versions: PromptVersionRepository
  sources: PromptSources
  traceUse: TraceUse
}

export type PromptVersionService = ReturnType<typeof createPromptVersionService>

export function createPromptVersionService({ prompts, versions, sources, traceUse }: Dependencies) {
  return {
    async findVersion(
      viewer: Viewer,
      { id }: Prompt,
      input: SelectorInput | null | undefined,
    ): Promise<PromptVersion | null> {
      requireScope(viewer, 'READ')
      const selector = readSelector(input, 'selector')
      if (selector.kind === 'draft') {
        throw new InvalidInputError('selector.draft', 'A draft is no version: ask for `draft` instead.')
      }
      return versions.findVersion(viewer.tenantId, id, selector)
    },

    /** In the order asked; what is gone by now is an error of its own. */
    async getVersions(viewer: Viewer, keys: readonly VersionKey[]): Promise<(PromptVersion | NotFoundError)[]> {
      requireScope(viewer, 'READ')
      const found = await versions.findVersions(viewer.tenantId, keys)
      const byKey = new Map(found.map((version) => [keyOfVersion(version), version]))
      return keys.map((key) => byKey.get(keyOfVersion(key)) ?? missing(key))
    },

    /** In the order asked: what each prompt has published. */
    async findPublished(viewer: Viewer, promptIds: readonly string[]): Promise<(PromptVersion | null)[]> {
      requireScope(viewer, 'READ')
      const found = await versions.findLabelled(viewer.tenantId, promptIds, publishedLabel)
      const byPrompt = new Map(found.map((version) => [version.promptId, version]))
      return promptIds.map((id) => byPrompt.get(id) ?? null)
    },

    /** In the order asked: what the prompt of that name has said under that etag. */
    async findVersionsByEtag(viewer: Viewer, keys: readonly NamedEtag[]): Promise<(PromptVersion | null)[]> {
      requireScope(viewer, 'READ')
      const found = await versions.findVersionsByEtag(viewer.tenantId, keys)
      const byKey = new Map(found.map((version) => [keyOfNamedEtag(version), version]))
      return keys.map((key) => byKey.get(keyOfNamedEtag(key)) ?? null)
    },

    /** Newest first. */
    async listVersions(viewer: Viewer, { id }: Prompt, input: PageInput): Promise<VersionPage> {
      requireScope(viewer, 'READ')
      const page = readPage(input)
      const before = readNumberPosition(page)
      const rows = await versions.listVersions(viewer.tenantId, id, { before, limit: page.size + 1 })
      return {
        ...pageOf(rows, page),
        cursorOf: ({ number }) => numberCursor(number),
        countAll: () => versions.countVersions(viewer.tenantId, id),
      }
    },

    /** In the order asked; what is gone by now is an error of its own. */
    async getContents(viewer: Viewer, keys: readonly VersionKey[]): Promise<(PromptContent | NotFoundError)[]> {
      requireScope(viewer, 'READ')
      const contents = await versions.findContents(viewer.tenantId, keys)
      return keys.map((key, index) => contents[index] ?? missing(key))
    },

    /** What somebody points at, or was made with, stays. */
    async deleteVersion(viewer: Viewer, name: string, number: number): Promise<boolean> {
      requireScope(viewer, 'PUBLISH')
      const { tenantId } = viewer
      const prompt = await prompts.getPromptByName(tenantId, name)
      const version = await versions.findVersion(tenantId, prompt.id, { kind: 'version', number })
      if (!version) throw noVersion(name, number)
      const what = `version ${number} of the prompt "${name}"`
      const used = await traceUse.findUsedEtags(tenantId, prompt.name, [version.etag])
      if (used.length > 0) throw new ConflictError(describeUse(what, 1), { field: 'version' })
      const removal = await versions.removeVersion(tenantId, version)
      if (removal === 'gone') throw noVersion(name, number)
      if (removal === 'labelled') {
        throw new ConflictError(`A label points at ${what}: it can't be deleted.`, {
          field: 'version',
          hint: 'Move the label with setPromptLabel, or remove it with removePromptLabel.',
        })
      }
      sources.announce(tenantId)
      return true
    },
  }
}

function noVersion(name: string, number: number): NoSuchContentError {
  return new NoSuchContentError(name, { kind: 'version', number }, { field: 'version' })
}

function missing({ number }: VersionKey): NotFoundError {
  return new NotFoundError('version', String(number))
}
