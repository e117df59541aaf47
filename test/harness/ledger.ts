import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { createSecretBox } from '../../src/infra/secret-box.ts'
import { createLedgerRepository } from '../../src/reasoning/ledger.repository.ts'
import { createLedgerService, type LedgerVerification } from '../../src/reasoning/ledger.service.ts'
import { createLedgerKeyRepository } from '../../src/reasoning/ledger-key.repository.ts'
import { createLedgerKeyBox } from '../../src/reasoning/ledger-key.service.ts'
import type { Reasoning } from '../../src/reasoning/reasoning.ts'
import { createReasoningAppendRepository } from '../../src/reasoning/reasoning-append.repository.ts'
import type { Change, Outcome } from '../../src/reasoning/reasoning-append.ts'
import { viewerOf } from './searching.ts'

/** The ledgers of a database, as their repositories write them, and whoever owns the database changes them. */
export interface Ledgers {
  pool: pg.Pool
  append(tenantId: string, ...changes: Change[]): Promise<Outcome[]>
  rotate(tenantId: string): Promise<string>
  /** A page, as `verifyLedger` gives it. */
  verify(tenantId: string, after?: string | null): Promise<LedgerVerification>
  /** Page by page, until the end or the first problem; gives the last page, and what all of them have checked. */
  verifyAll(tenantId: string): Promise<LedgerVerification & { pages: number }>
  end(): Promise<void>
}

export const ledgerSecret = Buffer.alloc(32, 7)

export function openLedgers(url: string): Ledgers {
  const pool = new pg.Pool({ connectionString: url })
  const appends = createReasoningAppendRepository(pool)
  const keys = createLedgerKeyRepository(pool)
  const keyBox = createLedgerKeyBox({ secretBox: createSecretBox(ledgerSecret) })
  const service = createLedgerService({ ledger: createLedgerRepository(pool), keys, keyBox })
  const verify = (tenantId: string, after?: string | null) => service.verifyLedger(viewerOf(tenantId), after)
  return {
    pool,
    append: (tenantId, ...changes) => appends.append(tenantId, changes, keyBox),
    rotate: async (tenantId) => (await keys.rotateKey(tenantId, keyBox)).id,
    verify,
    async verifyAll(tenantId) {
      let page = await verify(tenantId)
      let { checked } = page
      let pages = 1
      while (page.endCursor !== null) {
        page = await verify(tenantId, page.endCursor)
        checked += page.checked
        pages++
      }
      return { ...page, checked, pages }
    },
    end: () => pool.end(),
  }
}

export function newLedgerId(): string {
  return `tn_${randomBytes(6).toString('hex')}`
}

/** A record with something in every column. */
export function stored(id: string, more: Partial<Reasoning> = {}): Change {
  const reasoning: Reasoning = {
    id,
    decisionType: 'DECISION',
    summary: `Retry ${id}`,
    outputRef: 'run 7',
    observations: ['It timed out.', 'Ünïcode 😀'],
    hypothesis: 'The network',
    conclusion: 'Try it again.',
    confidence: 0.8,
    alternatives: [{ option: 'give up', cost: 1.5 }, null, 'x'],
    filesRead: ['src/a.ts'],
    keyFacts: ['A fact.'],
    agent: 'planner',
    sessionId: 's1',
    tags: ['retry', 'net'],
    parentId: null,
    traceId: 't1',
    spanId: '1',
    ...more,
  }
  return { kind: 'STORED', reasoning }
}

export function deleted(id: string): Change {
  return { kind: 'DELETED', id }
}

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

/** A program of this repository, as a person runs it with tsx. */
export function runTool(path: string, given: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(TRACEMEND_|VITEST)/.test(name)),
  )
  return new Promise((resolve) => {
    const args = ['--import', 'tsx', path, ...given]
    execFile(process.execPath, args, { env: { ...inherited, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}
