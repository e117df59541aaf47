import { cleanText } from '../clean.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import type { WakeupSource } from '../feed/wakeups.ts'
import { filterMap } from '../feed/wakeups.ts'
import { newId } from '../ids.ts'
import type { JobContract } from '../job.ts'
import { type Page, type PageInput, pageOf, readPage } from '../page.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import { runPlayground } from './playground.jobs.ts'
import type { RunRepository } from './run.repository.ts'
import { cancelTopic, isFinished, type PlaygroundRun, type RunEvent, runTopic } from './run.ts'
import type { SessionService } from './session.service.ts'
import { idCursor, type PlaygroundSession, readIdPosition } from './session.ts'

/** A page of runs; how many there are in all is counted only where a client asks. */
export interface RunPage extends Page<PlaygroundRun> {
  cursorOf(run: PlaygroundRun): string
  countAll(): Promise<number>
}

interface Dependencies {
  runs: RunRepository
  sessions: Pick<SessionService, 'compileForRun'>
  queue: { add<Payload>(job: JobContract<Payload>, payload: Payload, options?: { id?: string }): Promise<void> }
  bus: { wake(topic: string): void }
  wakeups: WakeupSource
  onError: (error: unknown) => void
}

export type RunService = ReturnType<typeof createRunService>

/** Whoever cancels a run waits no longer for its end. */
const endWithinMs = 2_000

export function createRunService({ runs, sessions, queue, bus, wakeups, onError }: Dependencies) {
  async function getRun(tenantId: string, id: string): Promise<PlaygroundRun> {
    const [run] = await runs.findRuns(tenantId, [cleanText(id)])
    if (!run) throw new NotFoundError('run', id, 'runId')
    return run
  }

  /** As it has ended; as it is, where its end takes too long. */
  async function waitForEnd(tenantId: string, id: string): Promise<PlaygroundRun> {
    const wakes = wakeups(runTopic(tenantId, id))
    const timer = setTimeout(() => wakes.return?.(), endWithinMs)
    try {
      // Whichever way it is left, the loop ends the stream.
      for await (const _ of wakes) {
        const run = await getRun(tenantId, id)
        if (isFinished(run.status)) return run
      }
      return await getRun(tenantId, id)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    /** Stored, then enqueued: what the queue forgets is found by a sweep. */
    async startRun(viewer: Viewer, sessionId: string): Promise<PlaygroundRun> {
      requireScope(viewer, 'RUN')
      const { tenantId } = viewer
      const { session, compiled, textEtag } = await sessions.compileForRun(tenantId, sessionId)
      const { messages, model, tools, toolChoice, responseSchema, manifest } = compiled
      if (!model) {
        throw new InvalidInputError(
          'sessionId',
          'The session says no model that is to answer.',
          'Set it: updatePlaygroundModel.',
        )
      }
      const { variables } = session
      const request = { messages, model, tools, toolChoice, responseSchema, textEtag, manifest, variables }
      const id = newId('run')
      const run = await runs.insertRun(tenantId, { id, sessionId: session.id, request, createdAt: new Date() })
      await queue.add(runPlayground, { tenantId, runId: id }, { id }).catch(onError)
      return run
    },

    async cancelRun(viewer: Viewer, id: string): Promise<PlaygroundRun> {
      requireScope(viewer, 'RUN')
      const { tenantId } = viewer
      const { id: runId } = await getRun(tenantId, id)
      await runs.askToCancel(tenantId, runId, new Date())
      bus.wake(cancelTopic(tenantId, runId))
      bus.wake(runTopic(tenantId, runId))
      return waitForEnd(tenantId, runId)
    },

    async getRun(viewer: Viewer, id: string): Promise<PlaygroundRun> {
      requireScope(viewer, 'READ')
      return getRun(viewer.tenantId, id)
    },

    /** In the order asked; null where the tenant has none of that id. */
    async findRuns(viewer: Viewer, ids: readonly string[]): Promise<(PlaygroundRun | null)[]> {
      requireScope(viewer, 'READ')
      const found = await runs.findRuns(viewer.tenantId, ids.map(cleanText))
      const byId = new Map(found.map((run) => [run.id, run]))
      return ids.map((id) => byId.get(cleanText(id)) ?? null)
    },

    /** Newest first. */
    async listRuns(viewer: Viewer, { id }: PlaygroundSession, input: PageInput): Promise<RunPage> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const page = readPage(input)
      const rows = await runs.listRuns(tenantId, id, { before: readIdPosition(page), limit: page.size + 1 })
      return { ...pageOf(rows, page), cursorOf: idCursor, countAll: () => runs.countRuns(tenantId, id) }
    },

    /** First the text so far, whenever one comes; then each piece once; it ends with the run. */
    async watchRun(viewer: Viewer, given: string): Promise<AsyncIterableIterator<RunEvent>> {
      requireScope(viewer, 'READ')
      const { tenantId } = viewer
      const { id } = await getRun(tenantId, given)
      let offset = -1
      let status = ''
      let isDone = false
      return filterMap(
        endingWith(wakeups(runTopic(tenantId, id)), () => isDone),
        async () => {
          const from = Math.max(offset, 0)
          const found = await runs.findText(tenantId, id, from)
          if (!found) throw new NotFoundError('run', id, 'runId')
          const { text: delta } = found
          if (offset >= 0 && delta === '' && found.status === status) return undefined
          offset = from + delta.length
          status = found.status
          isDone = isFinished(found.status)
          return { runId: id, offset: from, delta, done: isDone }
        },
      )
    },
  }
}

/** Ends after the value during which it was said to. */
function endingWith(source: AsyncIterableIterator<void>, isDone: () => boolean): AsyncIterableIterator<void> {
  return {
    async next() {
      if (!isDone()) return source.next()
      await source.return?.()
      return { done: true, value: undefined }
    },
    return: async () => source.return?.() ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
