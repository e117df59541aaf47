import { cleanText } from '../clean.ts'
import { NotFoundError } from '../errors.ts'
import { type Page, type PageInput, pageOf, readPage } from '../page.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { PromptRepository } from './prompt.repository.ts'
import {
  type Author,
  NoSuchContentError,
  numberCursor,
  type Prompt,
  type PromptLabel,
  type PromptLabelMove,
  type PromptVersion,
  publishedLabel,
  readNumberPosition,
  requireLabel,
  StaleRevisionError,
} from './prompt.ts'
import type { PromptDraftRepository } from './prompt-draft.repository.ts'
import { readText } from './prompt-input.ts'
import type { PromptLabelRepository } from './prompt-label.repository.ts'
import type { PromptSources } from './prompt-sources.service.ts'
import type { RunUse, TraceUse } from './prompt-use.ts'
import type { PromptVersionRepository } from './prompt-version.repository.ts'
import type { PublishRepository } from './publish.repository.ts'

export interface EvidenceInput {
  traceId?: string | null | undefined
}

export interface PublishInput {
  name: string
  expectedRevision: number
  note?: string | null | undefined
  label?: string | null | undefined
  evidence?: EvidenceInput | null | undefined
}

/** A page of moves; how many there are in all is counted only where a client asks. */
export interface MovePage extends Page<PromptLabelMove> {
  cursorOf(move: PromptLabelMove): string
  countAll(): Promise<number>
}

interface Dependencies {
  prompts: Pick<PromptRepository, 'getPromptByName'>
  versions: Pick<PromptVersionRepository, 'findVersions'>
  labels: PromptLabelRepository
  publications: PublishRepository
  sources: PromptSources
  traceUse: TraceUse
  drafts: Pick<PromptDraftRepository, 'findDrafts'>
  runUse: RunUse
}

const maxNote = 2_000

export type PublishService = ReturnType<typeof createPublishService>

/** What is served is decided here: versions are made, and labels moved, by keys that may PUBLISH. */
export function createPublishService(dependencies: Dependencies) {
  const { prompts, versions, labels, publications, sources, traceUse, drafts, runUse } = dependencies

  async function readTraceId(tenantId: string, input: EvidenceInput | null | undefined): Promise<string | null> {
    const given = input?.traceId ?? null
    if (given === null) return null
    const traceId = cleanText(given)
    if (!(await traceUse.hasTrace(tenantId, traceId))) throw new NotFoundError('trace', given, 'evidence.traceId')
    return traceId
  }

  /** Made before the draft was saved, or since. If it is another draft by now, nothing is published. */
  async function findRunIds(tenantId: string, promptId: string): Promise<string[] | null> {
    const [draft] = await drafts.findDrafts(tenantId, [promptId])
    const { sessionId = null, textEtag } = draft?.evidence ?? {}
    return sessionId === null || textEtag === undefined ? null : runUse.listRunIds(tenantId, sessionId, textEtag)
  }

  async function move(viewer: Viewer, name: string, label: string, toNumber: number | null): Promise<Prompt> {
    requireScope(viewer, 'PUBLISH')
    const { tenantId } = viewer
    const prompt = await prompts.getPromptByName(tenantId, name)
    const change = { label, toNumber, note: null, evidence: null, ...authorOf(viewer), now: new Date() }
    if (!(await publications.move(tenantId, prompt.id, change))) {
      // A label that is removed asks for no version: then it is the prompt that has just gone.
      if (toNumber === null) throw new NotFoundError('prompt', name, 'name')
      throw new NoSuchContentError(name, { kind: 'version', number: toNumber }, { field: 'version' })
    }
    sources.announce(tenantId)
    return prompts.getPromptByName(tenantId, name)
  }

  return {
    /** The draft as it was read at that revision, made a version, and the label put on it: both or neither. */
    async publishPrompt(viewer: Viewer, input: PublishInput): Promise<PromptVersion> {
      requireScope(viewer, 'PUBLISH')
      const { tenantId } = viewer
      const { name, expectedRevision } = input
      const label = requireLabel(input.label ?? publishedLabel)
      const note = readText(input.note, maxNote, 'note')
      const prompt = await prompts.getPromptByName(tenantId, name)
      const traceId = await readTraceId(tenantId, input.evidence)
      const runIds = await findRunIds(tenantId, prompt.id)
      const publication = { label, note, traceId, runIds, expectedRevision, ...authorOf(viewer), now: new Date() }
      const published = await publications.publish(tenantId, prompt.id, publication)
      if (published === null) throw new NotFoundError('prompt', name, 'name')
      if ('staleRevision' in published) throw new StaleRevisionError(expectedRevision, published.staleRevision)
      sources.announce(tenantId)
      const [version] = await versions.findVersions(tenantId, [{ promptId: prompt.id, number: published.number }])
      if (!version) throw new NoSuchContentError(name, { kind: 'version', number: published.number }, { field: 'name' })
      return version
    },

    async setLabel(viewer: Viewer, name: string, label: string, version: number): Promise<Prompt> {
      requireScope(viewer, 'PUBLISH')
      return move(viewer, name, requireLabel(label), version)
    },

    async removeLabel(viewer: Viewer, name: string, label: string): Promise<Prompt> {
      return move(viewer, name, cleanText(label), null)
    },

    /** Of each prompt in the order asked, by name. */
    async findLabels(viewer: Viewer, promptIds: readonly string[]): Promise<PromptLabel[][]> {
      requireScope(viewer, 'READ')
      const found = await labels.findLabels(viewer.tenantId, promptIds)
      return promptIds.map((id) => found.filter(({ promptId }) => promptId === id))
    },

    /** Newest first. */
    async listMoves(viewer: Viewer, { id }: Prompt, input: PageInput): Promise<MovePage> {
      requireScope(viewer, 'READ')
      const page = readPage(input)
      const before = readNumberPosition(page)
      const rows = await labels.listMoves(viewer.tenantId, id, { before, limit: page.size + 1 })
      return {
        ...pageOf(rows, page),
        cursorOf: (move) => numberCursor(Number(move.id)),
        countAll: () => labels.countMoves(viewer.tenantId, id),
      }
    },
  }
}

function authorOf({ keyId, keyName }: Viewer): Author {
  return { keyId, keyName }
}
