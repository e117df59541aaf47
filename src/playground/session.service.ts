import { cleanText } from '../clean.ts'
import { ConflictError, DomainError, NotFoundError } from '../errors.ts'
import { newId } from '../ids.ts'
import { type Page, pageOf, readPage } from '../page.ts'
import { compileContent, prepareContent } from '../prompts/compile.ts'
import { type CompiledPrompt, compiledPromptOf } from '../prompts/compiled-prompt.ts'
import { etagOf } from '../prompts/etag.ts'
import type { PromptRepository } from '../prompts/prompt.repository.ts'
import { type Evidence, type PromptDraft, StaleRevisionError } from '../prompts/prompt.ts'
import type { PromptContent } from '../prompts/prompt-content.ts'
import { diffContents, type PromptDiff } from '../prompts/prompt-diff.ts'
import type { PromptDraftRepository } from '../prompts/prompt-draft.repository.ts'
import { type BlockInput, type ModelConfigInput, readContent } from '../prompts/prompt-input.ts'
import type { PromptSources } from '../prompts/prompt-sources.service.ts'
import { diffValues } from '../prompts/value-diff.ts'
import { readVariables } from '../prompts/variables.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { TraceRepository } from '../traces/trace.repository.ts'
import type { TraceContentRepository } from '../traces/trace-content.repository.ts'
import { inTurns } from '../turns.ts'
import type { RunRepository } from './run.repository.ts'
import { cancelTopic, runTopic } from './run.ts'
import type { SessionChange, SessionRepository } from './session.repository.ts'
import {
  contentToSave,
  idCursor,
  type PlaygroundSession,
  promptNameFor,
  readIdPosition,
  type SessionsInput,
  variablesOf,
} from './session.ts'
import {
  addBlock,
  type BlockEdit,
  editBlock,
  moveBlock,
  removeBlock,
  setModel,
  setTools,
  type ToolsEdit,
} from './session-edit.ts'

/** A page of sessions; how many there are in all is counted only where a client asks. */
export interface SessionPage extends Page<PlaygroundSession> {
  cursorOf(session: PlaygroundSession): string
  countAll(): Promise<number>
}

interface Dependencies {
  sessions: SessionRepository
  prompts: PromptRepository
  drafts: PromptDraftRepository
  sources: PromptSources
  traces: Pick<TraceRepository, 'findTraces'>
  traceContents: Pick<TraceContentRepository, 'findContents'>
  runs: Pick<RunRepository, 'listRunIds' | 'listOpenRunIds'>
  bus: { wake(topic: string): void }
}

/** What goes into a draft. */
interface Saving {
  content: PromptContent
  etag: string
  evidence: Evidence
}

export type SessionService = ReturnType<typeof createSessionService>

export function createSessionService(dependencies: Dependencies) {
  const { sessions, prompts, drafts, sources, traces, traceContents, runs, bus } = dependencies

  async function getSession(tenantId: string, id: string, field: string): Promise<PlaygroundSession> {
    const [session] = await sessions.findSessions(tenantId, [cleanText(id)])
    if (!session) throw new NotFoundError('session', id, field)
    return session
  }

  async function nameOfPrompt(tenantId: string, { promptId }: PlaygroundSession): Promise<string | null> {
    const [prompt] = promptId === null ? [] : await prompts.findPrompts(tenantId, [promptId])
    return prompt?.name ?? null
  }

  /** Null: nobody knows any more. */
  async function variablesAsOpened(tenantId: string, traceId: string | null): Promise<Record<string, unknown> | null> {
    if (traceId === null) return {}
    const [[trace], found] = await Promise.all([
      traces.findTraces(tenantId, [traceId]),
      traceContents.findContents(tenantId, [traceId], ['variables']),
    ])
    const text = found.get(traceId)?.variables?.text
    return trace ? variablesOf(text === undefined ? null : JSON.parse(text)) : null
  }

  async function compile(tenantId: string, session: PlaygroundSession, isLenient: boolean): Promise<CompiledPrompt> {
    const { content, variables } = session
    const prompt = await nameOfPrompt(tenantId, session)
    return inTurns(() => {
      const prepared = prepareContent(content)
      const compiled = compileContent(prepared, variables, { isLenient })
      return compiledPromptOf({ prompt, version: null, etag: etagOf(content), prepared, compiled })
    })
  }

  /** Whatever two editors do at once, each edit is made of what the one before has left. */
  async function edit(
    viewer: Viewer,
    id: string,
    change: (session: PlaygroundSession) => SessionChange,
  ): Promise<PlaygroundSession> {
    requireScope(viewer, 'EDIT')
    const session = await sessions.editSession(viewer.tenantId, cleanText(id), change)
    if (!session) throw new NotFoundError('session', id, 'sessionId')
    return session
  }

  /** As a prompt of its own; the trace says what to call it. */
  async function saveAnew(tenantId: string, session: PlaygroundSession, saving: Saving): Promise<PromptDraft> {
    const [trace] = session.traceId === null ? [] : await traces.findTraces(tenantId, [session.traceId])
    const now = new Date()
    const prompt = { id: newId('pr'), description: null, createdAt: now, updatedAt: now, ...saving }
    const name = promptNameFor(trace?.promptName ?? trace?.name ?? null, session)
    const other = `${name} (${session.id})`
    const isNew =
      (await prompts.insertPrompt(tenantId, { ...prompt, name })) ||
      (await prompts.insertPrompt(tenantId, { ...prompt, name: other }))
    const [draft] = isNew ? await drafts.findDrafts(tenantId, [prompt.id]) : []
    if (!draft) throw new ConflictError(`There are prompts "${name}" and "${other}" already.`, { field: 'sessionId' })
    return draft
  }

  async function overwrite(
    tenantId: string,
    promptId: string,
    saving: Saving & { expectedRevision: number },
  ): Promise<PromptDraft> {
    const saved = await drafts.updateDraft(tenantId, promptId, { ...saving, now: new Date() })
    if (saved) return saved
    const [current] = await drafts.findDrafts(tenantId, [promptId])
    throw current ? movedOn(saving.expectedRevision, current) : new NotFoundError('prompt', promptId)
  }

  return {
    /** In the order asked; null where the tenant has none of that id. */
    async findSessions(viewer: Viewer, ids: readonly string[]): Promise<(PlaygroundSession | null)[]> {
      requireScope(viewer, 'READ')
      const found = await sessions.findSessions(viewer.tenantId, ids.map(cleanText))
      const byId = new Map(found.map((session) => [session.id, session]))
      return ids.map((id) => byId.get(cleanText(id)) ?? null)
    },

    async getSession(viewer: Viewer, id: string): Promise<PlaygroundSession> {
      requireScope(viewer, 'READ')
      return getSession(viewer.tenantId, id, 'id')
    },

    /** Newest first. */
    async listSessions(viewer: Viewer, { traceId, promptName, ...input }: SessionsInput): Promise<SessionPage> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const page = readPage(input)
      const before = readIdPosition(page)
      const [prompt] = promptName ? await prompts.findPromptsByName(tenantId, [cleanText(promptName)]) : []
      const promptId = promptName ? (prompt?.id ?? '') : null
      const list = { traceId: traceId ? cleanText(traceId) : null, promptId, before, limit: page.size + 1 }
      const rows = await sessions.listSessions(tenantId, list)
      return { ...pageOf(rows, page), cursorOf: idCursor, countAll: () => sessions.countSessions(tenantId, list) }
    },

    async editBlock(viewer: Viewer, id: string, blockId: string, change: BlockEdit): Promise<PlaygroundSession> {
      return edit(viewer, id, ({ content }) => ({ content: editBlock(content, blockId, change) }))
    },

    /** Null: at the end. */
    async addBlock(viewer: Viewer, id: string, input: BlockInput, position: number | null): Promise<PlaygroundSession> {
      return edit(viewer, id, ({ content }) => ({ content: addBlock(content, input, position) }))
    },

    async moveBlock(viewer: Viewer, id: string, blockId: string, position: number): Promise<PlaygroundSession> {
      return edit(viewer, id, ({ content }) => ({ content: moveBlock(content, blockId, position) }))
    },

    async removeBlock(viewer: Viewer, id: string, blockId: string): Promise<PlaygroundSession> {
      return edit(viewer, id, ({ content, recordedIds }) => ({
        content: removeBlock(content, blockId),
        recordedIds: recordedIds.filter((each) => each !== blockId),
      }))
    },

    async setVariables(viewer: Viewer, id: string, given: unknown): Promise<PlaygroundSession> {
      return edit(viewer, id, () => ({ variables: readVariables(given) }))
    },

    async setModel(viewer: Viewer, id: string, model: ModelConfigInput): Promise<PlaygroundSession> {
      return edit(viewer, id, ({ content }) => ({ content: setModel(content, model) }))
    },

    async setTools(viewer: Viewer, id: string, change: ToolsEdit): Promise<PlaygroundSession> {
      return edit(viewer, id, ({ content }) => ({ content: setTools(content, change) }))
    },

    /** What would be sent, also while something is missing. */
    async compileLeniently(viewer: Viewer, session: PlaygroundSession): Promise<CompiledPrompt> {
      requireScope(viewer, 'READ')
      return compile(viewer.tenantId, session, true)
    },

    async compileSession(viewer: Viewer, id: string): Promise<CompiledPrompt> {
      requireScope(viewer, 'READ')
      return compile(viewer.tenantId, await getSession(viewer.tenantId, id, 'sessionId'), false)
    },

    /** For who may run it. Asks no scope. */
    async compileForRun(tenantId: string, id: string) {
      const session = await getSession(tenantId, id, 'sessionId')
      const compiled = await compile(tenantId, session, false)
      return { session, compiled, textEtag: textEtagOf(session.content) }
    },

    async diffSession(viewer: Viewer, { base, content, ...session }: PlaygroundSession): Promise<PromptDiff> {
      requireScope(viewer, 'READ')
      const opened = await variablesAsOpened(viewer.tenantId, session.traceId)
      return inTurns(() => {
        const diff = diffContents(base, content, { before: 'as opened', after: 'as edited' })
        const values = opened ? diffValues(opened, session.variables, 'values') : []
        return { ...diff, identical: diff.identical && values.length === 0, variables: [...diff.variables, ...values] }
      })
    },

    /** The content into the draft of its prompt. What was only recorded is not the prompt's, and stays here. */
    async saveSession(viewer: Viewer, id: string, expectedRevision?: number | null): Promise<PromptDraft> {
      requireScope(viewer, 'EDIT')
      const { tenantId } = viewer
      const session = await getSession(tenantId, id, 'sessionId')
      const [draft] = session.promptId === null ? [] : await drafts.findDrafts(tenantId, [session.promptId])
      const expected = expectedRevision ?? session.draftRevision
      if (draft && expected === null) throw wouldLose(draft)
      const kept = contentToSave(session, draft?.content ?? null)
      const content = await inTurns(() => readContent(kept, 'content'))
      const textEtag = textEtagOf(session.content)
      const runIds = await runs.listRunIds(tenantId, session.id, textEtag)
      const evidence = { traceId: session.traceId, sessionId: session.id, runIds, textEtag }
      const saving = { content, etag: etagOf(content), evidence }
      const saved =
        draft && expected !== null
          ? await overwrite(tenantId, draft.promptId, { ...saving, expectedRevision: expected })
          : await saveAnew(tenantId, session, saving)
      await sessions.storeSaved(tenantId, session.id, saved.promptId, saved.revision)
      sources.announce(tenantId)
      return saved
    },

    /** With its runs. The traces of runs stay. */
    async deleteSession(viewer: Viewer, id: string): Promise<boolean> {
      requireScope(viewer, 'EDIT')
      const { tenantId } = viewer
      const openIds = await runs.listOpenRunIds(tenantId, cleanText(id))
      if (!(await sessions.removeSession(tenantId, cleanText(id)))) throw new NotFoundError('session', id, 'sessionId')
      // Their workers find that they are gone, and give the calls up.
      for (const runId of openIds) {
        bus.wake(cancelTopic(tenantId, runId))
        bus.wake(runTopic(tenantId, runId))
      }
      return true
    },
  }
}

/** Saving would undo what somebody has written, and nobody has seen here. */
function wouldLose({ revision }: PromptDraft): DomainError {
  return new DomainError(
    'STALE_REVISION',
    `The draft, at revision ${revision}, has changes that no version keeps, and the session was opened from something else.`,
    {
      field: 'expectedRevision',
      currentRevision: revision,
      hint: `Look at them (Prompt.diff to the draft). To keep them, publish them first; to overwrite them, pass expectedRevision: ${revision}.`,
    },
  )
}

function movedOn(expected: number, { revision }: PromptDraft): DomainError {
  const { code, message, details } = new StaleRevisionError(expected, revision)
  return new DomainError(code, message, {
    ...details,
    hint: 'The draft has moved on: open a new session, or pass currentRevision to overwrite it.',
  })
}

/** Of all but the model: another one may have been tried, and not kept. */
function textEtagOf(content: PromptContent): string {
  return etagOf({ ...content, model: null })
}
