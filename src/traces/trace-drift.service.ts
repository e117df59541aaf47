import { type PreparedContent, prepareContent } from '../prompts/compile.ts'
import { etagOf } from '../prompts/etag.ts'
import { readManifest } from '../prompts/manifest.ts'
import type { PromptService } from '../prompts/prompt.service.ts'
import { headOf, type NamedEtag, type Prompt, type PromptDraft, type PromptVersion } from '../prompts/prompt.ts'
import type { PromptContent } from '../prompts/prompt-content.ts'
import { diffContents, type PromptDiff } from '../prompts/prompt-diff.ts'
import type { PromptDraftService } from '../prompts/prompt-draft.service.ts'
import type { PromptVersionService } from '../prompts/prompt-version.service.ts'
import type { RawJson } from '../raw-json.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { inTurns } from '../turns.ts'
import type { TraceService } from './trace.service.ts'
import type { Trace, TraceContentField } from './trace.ts'
import { contentOfMessages, currentMessages, type DriftTarget, maxJsonLength, type TraceDrift } from './trace-drift.ts'

interface Dependencies {
  prompts: Pick<PromptService, 'findPromptsByName'>
  drafts: Pick<PromptDraftService, 'getDrafts'>
  versions: Pick<PromptVersionService, 'findVersionsByEtag' | 'findPublished' | 'getContents'>
  traces: Pick<TraceService, 'listContents'>
}

export type TraceDriftService = ReturnType<typeof createTraceDriftService>

/** What the prompt says now. */
interface Current {
  etag: string
  version: PromptVersion | null
  /** Of a version it is read where it is asked for. */
  content: PromptContent | null
  prepared: Promise<PreparedContent | null> | null
  name: string
}

/** What it said then, as far as anybody knows. */
interface Traced {
  etag: string
  version: PromptVersion | null
  content: PromptContent | null
}

/**
 * A trace says what it was made with by an etag; where nobody knows that, by the manifest that it recorded; where that is
 * not one of ours, what was sent then is compared with what would be sent now.
 */
export function createTraceDriftService({ prompts, drafts, versions, traces }: Dependencies) {
  async function findCurrent(
    viewer: Viewer,
    found: readonly Prompt[],
    against: DriftTarget,
  ): Promise<Map<string, Current>> {
    const ids = found.map(({ id }) => id)
    const contents =
      against === 'DRAFT' ? await drafts.getDrafts(viewer, ids) : await versions.findPublished(viewer, ids)
    const current = found.flatMap(({ name }, index): [string, Current][] => {
      const content = contents[index] ?? null
      if (content === null || content instanceof Error) return []
      return [[name, 'revision' in content ? ofDraft(content, name) : ofVersion(content, name)]]
    })
    return new Map(current)
  }

  async function findTraced(viewer: Viewer, asked: readonly Trace[]): Promise<Map<string, Traced>> {
    const byEtag = await findVersions(
      viewer,
      asked.map(({ promptName, etag }) => ({ promptName, etag })),
    )
    const others = asked.filter((_, index) => byEtag[index] === null)
    const manifests = await listTexts(viewer, others, 'manifest')
    const contents: (PromptContent | null)[] = []
    const etags: { promptName: string | null; etag: string | null }[] = []
    for (const [index, { promptName, etag }] of others.entries()) {
      const own = await inTurns(() => {
        const content = readManifest(jsonOf(manifests[index]))
        return { content, etag: content ? etagOf(content) : etag }
      })
      contents.push(own.content)
      etags.push({ promptName, etag: own.etag })
    }
    const byManifest = await findVersions(viewer, etags)
    const traced = new Map<string, Traced>()
    for (const [index, { id }] of asked.entries()) {
      const version = byEtag[index]
      if (version) traced.set(id, { etag: version.etag, version, content: null })
    }
    for (const [index, { id }] of others.entries()) {
      const etag = etags[index]?.etag ?? null
      if (etag !== null) traced.set(id, { etag, version: byManifest[index] ?? null, content: contents[index] ?? null })
    }
    return traced
  }

  /** In the order asked. */
  async function findVersions(
    viewer: Viewer,
    asked: readonly { promptName: string | null; etag: string | null }[],
  ): Promise<(PromptVersion | null)[]> {
    const isWhole = (key: (typeof asked)[number]): key is NamedEtag => key.promptName !== null && key.etag !== null
    const whole = asked.filter(isWhole)
    const found = whole.length === 0 ? [] : await versions.findVersionsByEtag(viewer, whole)
    const byKey = new Map(whole.map((key, index) => [key, found[index] ?? null]))
    return asked.map((key) => (isWhole(key) ? (byKey.get(key) ?? null) : null))
  }

  async function listTexts(
    viewer: Viewer,
    asked: readonly Trace[],
    field: TraceContentField,
  ): Promise<(RawJson | null)[]> {
    const keys = asked.map(({ id: traceId }) => ({ traceId, field }))
    return keys.length === 0 ? [] : traces.listContents(viewer, keys)
  }

  async function getContent(viewer: Viewer, { version, content }: Pick<Traced, 'version' | 'content'>) {
    if (content !== null || version === null) return content
    const [found] = await versions.getContents(viewer, [version])
    if (found instanceof Error) throw found
    return found ?? null
  }

  async function diffKnown(viewer: Viewer, traced: Traced, current: Current): Promise<PromptDiff | null> {
    const [before, after] = [await getContent(viewer, traced), await getContent(viewer, current)]
    if (!before || !after) return null
    return inTurns(() => diffContents(before, after, { before: tracedHead, after: current.name }))
  }

  /** Once for all traces that are asked about together. */
  function prepare(viewer: Viewer, current: Current): Promise<PreparedContent | null> {
    current.prepared ??= getContent(viewer, current).then(
      (content) => content && inTurns(() => prepareContent(content)),
    )
    return current.prepared
  }

  async function diffMessages(viewer: Viewer, trace: Trace, current: Current): Promise<PromptDiff | null> {
    const [messages] = await listTexts(viewer, [trace], 'messages')
    const [variables] = await listTexts(viewer, [trace], 'variables')
    const prepared = await prepare(viewer, current)
    if (prepared === null) return null
    return inTurns(() => {
      const sent = jsonOf(messages)
      const before = sent === null ? null : contentOfMessages(sent)
      const after = before && contentOfMessages(currentMessages(prepared, jsonOf(variables)))
      return before && after && diffContents(before, after, { before: tracedHead, after: current.name })
    })
  }

  /** One after another, however many are asked for; and each pair of contents once. */
  function createDiffs(viewer: Viewer) {
    const known = new Map<string, Promise<PromptDiff | null>>()
    let last: Promise<unknown> = Promise.resolve()
    return (trace: Trace, current: Current, traced: Traced | null): Promise<PromptDiff | null> => {
      const key = JSON.stringify(traced ? [traced.etag, current.etag, current.name] : [trace.id])
      const make = () => (traced ? diffKnown(viewer, traced, current) : diffMessages(viewer, trace, current))
      const diff = known.get(key) ?? last.then(make, make)
      known.set(key, diff)
      last = diff.catch(() => {})
      return diff
    }
  }

  function decide(
    trace: Trace,
    current: Current | null,
    { found, diffOf }: { found: Traced | null; diffOf: ReturnType<typeof createDiffs> },
  ): TraceDrift {
    // What the draft says is known by its etag, too.
    const isSame = current !== null && found?.etag === current.etag
    const traced = isSame ? { ...current, version: found.version } : found
    const isKnown = isSame || Boolean(traced?.version ?? traced?.content)
    const versions = { tracedVersion: traced?.version ?? null, currentVersion: current?.version ?? null }
    const findDiff = async () => {
      if (current === null) return null
      return diffOf(trace, current, isKnown ? traced : null)
    }
    const status = current === null || !isKnown ? 'UNKNOWN_VERSION' : isSame ? 'CURRENT' : 'DRIFTED'
    return { ...versions, status, findDiff }
  }

  return {
    /** In the order asked; null of a trace that names no prompt. A few reads for all of them together. */
    async listDrifts(viewer: Viewer, asked: readonly Trace[], against: DriftTarget): Promise<(TraceDrift | null)[]> {
      requireScope(viewer, 'READ')
      const names = [...new Set(asked.flatMap(({ promptName }) => promptName ?? []))]
      const found = (await prompts.findPromptsByName(viewer, names)).filter((prompt) => prompt !== null)
      const known = new Set(found.map(({ name }) => name))
      const ofKnown = asked.filter(({ promptName }) => promptName !== null && known.has(promptName))
      const [current, traced] = await Promise.all([findCurrent(viewer, found, against), findTraced(viewer, ofKnown)])
      const diffOf = createDiffs(viewer)
      return asked.map((trace) => {
        const { id, promptName } = trace
        if (promptName === null) return null
        if (!known.has(promptName)) return unknownPrompt
        return decide(trace, current.get(promptName) ?? null, { found: traced.get(id) ?? null, diffOf })
      })
    },
  }
}

const tracedHead = 'as traced'

const unknownPrompt: TraceDrift = {
  status: 'UNKNOWN_PROMPT',
  tracedVersion: null,
  currentVersion: null,
  findDiff: async () => null,
}

/** What is larger than anything of ours is taken for nothing. */
function jsonOf(json: RawJson | null | undefined): unknown {
  return json && json.text.length <= maxJsonLength ? JSON.parse(json.text) : null
}

function ofDraft({ etag, content }: PromptDraft, name: string): Current {
  return { etag, version: null, content, prepared: null, name: headOf(name, { kind: 'draft' }) }
}

function ofVersion(version: PromptVersion, name: string): Current {
  return {
    etag: version.etag,
    version,
    content: null,
    prepared: null,
    name: headOf(name, { kind: 'version', number: version.number }),
  }
}
