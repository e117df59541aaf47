import DataLoader from 'dataloader'
import type { Usage } from './usage.ts'
import type { ViewerService } from './viewer.service.ts'
import type { Viewer } from './viewer.ts'

interface Services {
  viewer: Pick<ViewerService, 'listUsage'>
}

export function createTenantLoaders(services: Services, viewer: Viewer, options: { cache: boolean }) {
  return {
    usageByTenantId: new DataLoader<string, Usage>(
      (tenantIds) => services.viewer.listUsage(viewer, tenantIds),
      options,
    ),
  }
}
