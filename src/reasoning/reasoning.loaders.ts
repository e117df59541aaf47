import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { LedgerService } from './ledger.service.ts'
import type { LedgerEntry } from './ledger.ts'
import type { OwnedInput, ReasoningPage, ReasoningService } from './reasoning.service.ts'
import type { ReasoningContent, ReasoningTrace } from './reasoning.ts'

interface Services {
  reasoning: Pick<ReasoningService, 'findRecords' | 'findContents' | 'listOwned'>
  ledger: Pick<LedgerService, 'findEntries'>
}

export function createReasoningLoaders({ reasoning, ledger }: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    reasoningById: new DataLoader<string, ReasoningTrace | null>((ids) => reasoning.findRecords(viewer, ids), options),
    reasoningContent: new DataLoader<string, ReasoningContent>((ids) => reasoning.findContents(viewer, ids), options),
    reasoningOf: new DataLoader<OwnedInput, ReasoningPage, string>((asked) => reasoning.listOwned(viewer, asked), {
      ...options,
      cacheKeyFn: (asked) => JSON.stringify(asked),
    }),
    ledgerEntryByReasoningId: new DataLoader<string, LedgerEntry | null>(
      (ids) => ledger.findEntries(viewer, ids),
      options,
    ),
  }
}
