import DataLoader from 'dataloader'
import type { Usage } from './usage.ts'
import type { ViewerService } from './viewer.service.ts'

interface Services {
  viewer: Pick<ViewerService, 'listUsage'>
}

export function createTenantLoaders({ viewer }: Services, options: { cache: boolean }) {
  return {
    usageByTenantId: new DataLoader<string, Usage>((tenantIds) => viewer.listUsage(tenantIds), options),
  }
}
