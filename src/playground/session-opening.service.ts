import { cleanText } from '../clean.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { newId } from '../ids.ts'
import { prepareContent } from '../prompts/compile.ts'
import { etagOf } from '../prompts/etag.ts'
import { readManifest } from '../prompts/manifest.ts'
import { BrokenBlockError } from '../prompts/prepared-block.ts'
import type { PromptRepository } from '../prompts/prompt.repository.ts'
import { NoSuchContentError, type Prompt, readSelector } from '../prompts/prompt.ts'
import type { ModelConfig, PromptContent } from '../prompts/prompt-content.ts'
import type { PromptDraftRepository } from '../prompts/prompt-draft.repository.ts'
import type { PromptSourceRepository } from '../prompts/prompt-source.repository.ts'
import type { PromptVersionRepository } from '../prompts/prompt-version.repository.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { SpanRepository } from '../traces/span.repository.ts'
import type { SpanContentRepository } from '../traces/span-content.repository.ts'
import type { TraceRepository } from '../traces/trace.repository.ts'
import type { Trace } from '../traces/trace.ts'
import type { TraceContentRepository } from '../traces/trace-content.repository.ts'
import { contentOfCall, contentOfSpanInput } from './call-content.ts'
import type { SessionRepository } from './session.repository.ts'
import {
  type OpenSessionInput,
  type PlaygroundSession,
  requireOrigin,
  type SessionOrigin,
  unknownModel,
  variablesOf,
  withRecorded,
} from './session.ts'

interface Dependencies {
  sessions: Pick<SessionRepository, 'insertSession'>
  prompts: Pick<PromptRepository, 'findPromptsByName'>
  drafts: Pick<PromptDraftRepository, 'findDrafts'>
  versions: Pick<PromptVersionRepository, 'findVersionsByEtag' | 'findContents'>
  sources: Pick<PromptSourceRepository, 'findSource'>
  traces: Pick<TraceRepository, 'findTraces'>
  traceContents: TraceContentRepository
  spans: Pick<SpanRepository, 'findSpans'>
  spanContents: SpanContentRepository
}

type Opened = Pick<PlaygroundSession, 'origin' | 'content' | 'variables' | 'recordedIds'> & {
  /** Of what the prompt said; null where that isn't known. */
  promptEtag: string | null
}

/**
 * Opens a session with all that was in a call: what its prompt said then, if that is known and says what was sent; else
 * the messages themselves.
 */
export function createSessionOpeningService(dependencies: Dependencies) {
  const { sessions, prompts, drafts, versions, sources, traces, traceContents, spans, spanContents } = dependencies

  async function findPrompt(tenantId: string, name: string | null): Promise<Prompt | null> {
    return name === null ? null : ((await prompts.findPromptsByName(tenantId, [name]))[0] ?? null)
  }

  async function openPrompt(
    tenantId: string,
    name: string,
    given: OpenSessionInput['selector'],
  ): Promise<{ prompt: Prompt; opened: Opened }> {
    const prompt = await findPrompt(tenantId, name)
    if (!prompt) throw new NotFoundError('prompt', name, 'input.promptName')
    const selector = readSelector(given, 'input.selector')
    const source = await sources.findSource(tenantId, prompt.name, selector, null)
    if (source?.content) {
      const { content, etag: promptEtag } = source
      return { prompt, opened: { origin: 'PROMPT', content, promptEtag, variables: {}, recordedIds: [] } }
    }
    const hint = 'Publish it, or open its draft: selector: {draft: true}.'
    throw new NoSuchContentError(prompt.name, selector, { field: 'input.selector', hint })
  }

  async function openTrace(
    tenantId: string,
    traceId: string,
    spanId: string | null,
  ): Promise<{ prompt: Prompt | null; opened: Opened }> {
    const [trace] = await traces.findTraces(tenantId, [traceId])
    if (!trace) throw new NotFoundError('trace', traceId, 'input.traceId')
    const prompt = await findPrompt(tenantId, trace.promptName)
    const fields = ['messages', 'variables', 'tools', 'toolChoice', 'modelConfig', 'manifest'] as const
    const found = (await traceContents.findContents(tenantId, [trace.id], fields)).get(trace.id)
    const read = (field: (typeof fields)[number]) => found?.[field] && JSON.parse(found[field].text)
    const recorded =
      spanId === null
        ? recordedOf(trace, read('messages'), {
            parameters: read('modelConfig') ?? null,
            tools: read('tools') ?? null,
            toolChoice: read('toolChoice') ?? null,
          })
        : await readSpan(tenantId, trace.id, spanId)
    const variables = variablesOf(read('variables'))
    const known = await findKnown(tenantId, prompt, trace.etag, read('manifest'))
    // A span that doesn't say it may be another call, without the tools of this one.
    const whole = spanId === null ? known : null
    return { prompt, opened: openKnown(known, recorded, variables) ?? openMessages(whole, recorded, variables) }
  }

  async function readSpan(tenantId: string, traceId: string, spanId: string): Promise<PromptContent> {
    const [span] = await spans.findSpans(tenantId, [{ traceId, spanId }])
    if (!span) throw new NotFoundError('span', spanId, 'input.spanId')
    if (span.kind !== 'LLM' && span.model === null) {
      const hint = 'Name a span of the kind LLM; or no span, to open the call that the trace itself records.'
      throw new InvalidInputError('input.spanId', `A span of a model call can be opened; this is ${span.kind}.`, hint)
    }
    const fields = new Set(['input', 'attributes'] as const)
    const [found] = await spanContents.findContents(tenantId, [{ traceId, spanId, fields }])
    const read = (field: 'input' | 'attributes') => found?.[field] && JSON.parse(found[field].text)
    return contentOfSpanInput(read('input') ?? null, read('attributes') ?? null, span)
  }

  /** What its prompt said then: by the etag, else by the manifest. */
  async function findKnown(
    tenantId: string,
    prompt: Prompt | null,
    etag: string | null,
    manifest: unknown,
  ): Promise<Known | null> {
    if (prompt !== null && etag !== null) {
      const [version] = await versions.findVersionsByEtag(tenantId, [{ promptName: prompt.name, etag }])
      const [content] = version ? await versions.findContents(tenantId, [version]) : []
      if (content) return { origin: 'VERSION', content }
      const [draft] = await drafts.findDrafts(tenantId, [prompt.id])
      if (draft?.etag === etag) return { origin: 'VERSION', content: draft.content }
    }
    const content = readManifest(manifest)
    return content && isCompilable(content) ? { origin: 'MANIFEST', content } : null
  }

  /** Null: it says what nobody has opened here and no version keeps. */
  async function findRevisionToSave(
    tenantId: string,
    prompt: Prompt | null,
    openedEtag: string | null,
  ): Promise<number | null> {
    const [draft] = prompt ? await drafts.findDrafts(tenantId, [prompt.id]) : []
    if (!prompt || !draft) return null
    if (draft.etag === openedEtag || !draft.changed) return draft.revision
    const [kept] = await versions.findVersionsByEtag(tenantId, [{ promptName: prompt.name, etag: draft.etag }])
    return kept ? draft.revision : null
  }

  return {
    async openSession(viewer: Viewer, input: OpenSessionInput): Promise<PlaygroundSession> {
      requireScope(viewer, 'EDIT')
      requireOrigin(input)
      const { tenantId } = viewer
      const { traceId, spanId, promptName } = cleanOrigin(input)
      const { prompt, opened } =
        traceId === null
          ? await openPrompt(tenantId, promptName ?? '', input.selector)
          : await openTrace(tenantId, traceId, spanId)
      const { promptEtag, ...held } = opened
      const now = new Date()
      const session: PlaygroundSession = {
        ...held,
        id: newId('ps'),
        traceId,
        spanId,
        promptId: prompt?.id ?? null,
        draftRevision: await findRevisionToSave(tenantId, prompt, promptEtag),
        base: held.content,
        revision: 1,
        createdAt: now,
        updatedAt: now,
      }
      if (!(await sessions.insertSession(tenantId, session)))
        throw new NotFoundError('trace', traceId ?? '', 'input.traceId')
      return session
    },
  }
}

interface Known {
  origin: SessionOrigin
  content: PromptContent
}

/** Null where it says something else than what was sent. */
function openKnown(known: Known | null, recorded: PromptContent, variables: Record<string, unknown>): Opened | null {
  if (!known) return null
  const { origin } = known
  const promptEtag = etagOf(known.content)
  const content = { ...known.content, ...besideMessages(recorded, known.content) }
  if (recorded.blocks.length === 0) return { origin, content, promptEtag, variables, recordedIds: [] }
  const opened = withRecorded(content, variables, recorded)
  return opened && { origin, promptEtag, variables, ...opened }
}

/** What was recorded goes before what the prompt says. */
function besideMessages(recorded: PromptContent, known: PromptContent) {
  const { model, tools, toolChoice, responseSchema } = recorded
  return {
    model: modelOf(model, known.model),
    tools: tools ?? known.tools,
    toolChoice: toolChoice ?? known.toolChoice,
    responseSchema: responseSchema ?? known.responseSchema,
  }
}

/** Piece by piece. */
function modelOf(recorded: ModelConfig | null, known: ModelConfig | null): ModelConfig | null {
  if (recorded === null || known === null) return recorded ?? known
  return {
    provider: recorded.provider === unknownModel ? known.provider : recorded.provider,
    name: recorded.name === unknownModel ? known.name : recorded.name,
    parameters: recorded.parameters ?? known.parameters,
  }
}

function openMessages(known: Known | null, recorded: PromptContent, variables: Record<string, unknown>): Opened {
  if (recorded.blocks.length === 0) {
    throw new InvalidInputError(
      'input.traceId',
      'It has recorded no messages, and what its prompt said then is not known: there is nothing to open.',
      'Record `messages`, or `promptName` with the `etag` and `manifest` that compilePrompt gives.',
    )
  }
  const content = known ? { ...recorded, ...besideMessages(recorded, known.content) } : recorded
  return { origin: 'MESSAGES', content, promptEtag: null, variables, recordedIds: [] }
}

function recordedOf(
  { model, provider }: Trace,
  messages: unknown,
  { parameters, ...rest }: { parameters: unknown; tools: unknown; toolChoice: unknown },
): PromptContent {
  const call = { provider, name: model, parameters }
  return contentOfCall({ messages: messages ?? null, ...rest, responseSchema: null, model: call })
}

function cleanOrigin({ traceId, spanId, promptName }: OpenSessionInput) {
  const clean = (text: string | null | undefined) => (typeof text === 'string' ? cleanText(text) : null)
  return { traceId: clean(traceId), spanId: clean(spanId), promptName: clean(promptName) }
}

function isCompilable(content: PromptContent): boolean {
  try {
    prepareContent(content)
    return true
  } catch (error) {
    if (error instanceof BrokenBlockError) return false
    throw error
  }
}
