import DataLoader from 'dataloader'
import type { Viewer } from '../tenants/viewer.ts'
import type { PromptService } from './prompt.service.ts'
import {
  keyOfNamedEtag,
  keyOfVersion,
  type NamedEtag,
  type Prompt,
  type PromptDraft,
  type PromptLabel,
  type PromptVersion,
  type VersionKey,
} from './prompt.ts'
import type { PromptContent } from './prompt-content.ts'
import type { PromptDraftService } from './prompt-draft.service.ts'
import type { PromptVersionService } from './prompt-version.service.ts'
import type { PublishService } from './publish.service.ts'

interface Services {
  prompts: Pick<PromptService, 'getPrompts' | 'findPromptsByName'>
  promptDrafts: Pick<PromptDraftService, 'getDrafts'>
  promptVersions: Pick<PromptVersionService, 'getVersions' | 'findPublished' | 'findVersionsByEtag' | 'getContents'>
  publish: Pick<PublishService, 'findLabels'>
}

export function createPromptLoaders(services: Services, viewer: Viewer, options: { cache: boolean }) {
  const { prompts, promptDrafts, promptVersions, publish } = services
  const byVersion = { ...options, cacheKeyFn: keyOfVersion }
  const byEtag = { ...options, cacheKeyFn: keyOfNamedEtag }
  return {
    promptById: new DataLoader<string, Prompt>((ids) => prompts.getPrompts(viewer, ids), options),
    promptByName: new DataLoader<string, Prompt | null>((names) => prompts.findPromptsByName(viewer, names), options),
    draftByPromptId: new DataLoader<string, PromptDraft>((ids) => promptDrafts.getDrafts(viewer, ids), options),
    labelsByPromptId: new DataLoader<string, PromptLabel[]>((ids) => publish.findLabels(viewer, ids), options),
    promptVersionByKey: new DataLoader<VersionKey, PromptVersion, string>(
      (keys) => promptVersions.getVersions(viewer, keys),
      byVersion,
    ),
    publishedByPromptId: new DataLoader<string, PromptVersion | null>(
      (ids) => promptVersions.findPublished(viewer, ids),
      options,
    ),
    promptVersionByEtag: new DataLoader<NamedEtag, PromptVersion | null, string>(
      (keys) => promptVersions.findVersionsByEtag(viewer, keys),
      byEtag,
    ),
    contentByVersion: new DataLoader<VersionKey, PromptContent, string>(
      (keys) => promptVersions.getContents(viewer, keys),
      byVersion,
    ),
  }
}
