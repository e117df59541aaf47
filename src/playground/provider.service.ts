import { cleanText } from '../clean.ts'
import { LimitError, NotFoundError } from '../errors.ts'
import { ModelCallError, type ModelProvider } from '../models/model-call.ts'
import { requireScope, type Viewer } from '../tenants/viewer.ts'
import type { ProviderRepository } from './provider.repository.ts'
import { checkProvider, demoProvider, type Provider, type SetProviderInput, type StoredProvider } from './provider.ts'

const maxProviders = 50

interface Dependencies {
  providers: ProviderRepository
  /** The operator's, from the environment. */
  own: readonly ModelProvider[]
  secretBox: { seal(text: string): Uint8Array; open(sealed: Uint8Array): string }
  /** Whether tenants' providers may be in private networks: the operator says so. */
  mayBePrivate: boolean
}

export type ProviderService = ReturnType<typeof createProviderService>

/** Keys go in and never out: they are sealed where they are stored, and opened only for a call. */
export function createProviderService({ providers, own, secretBox, mayBePrivate }: Dependencies) {
  const ofEnvironment = [...own, demoProvider]

  function toModelProvider({ name, type, baseUrl, sealedKey }: StoredProvider): ModelProvider {
    try {
      return { name, type, baseUrl, apiKey: sealedKey && secretBox.open(sealedKey), mayBePrivate }
    } catch {
      // TRACEMEND_SECRET is another one, or somebody was at the table.
      const message = `The key of the provider "${name}" can't be opened any more: set it again with setProvider.`
      throw new ModelCallError('PROVIDER_NOT_CONFIGURED', message)
    }
  }

  return {
    /** By name; the tenant's own go before those of the environment that are called the same. */
    async listProviders(viewer: Viewer): Promise<Provider[]> {
      requireScope(viewer, 'READ')
      const stored = await providers.listProviders(viewer.tenantId)
      const names = new Set(stored.map(({ name }) => name))
      const others = ofEnvironment.filter(({ name }) => !names.has(name))
      const all = [...stored.map(ofTenant), ...others.map(ofProcess)]
      return all.sort((a, b) => (a.name < b.name ? -1 : 1))
    },

    async setProvider(viewer: Viewer, input: SetProviderInput): Promise<Provider> {
      requireScope(viewer, 'ADMIN')
      const { tenantId } = viewer
      const checked = checkProvider(input)
      const known = await providers.listProviders(tenantId)
      if (known.length >= maxProviders && !known.some(({ name }) => name === checked.name)) {
        throw new LimitError('QUOTA_EXCEEDED', `A tenant has ${maxProviders} providers at most.`, {
          field: 'input.name',
          limit: 'providers',
          max: maxProviders,
        })
      }
      const sealedKey = input.apiKey ? secretBox.seal(input.apiKey) : null
      return ofTenant(await providers.storeProvider(tenantId, { ...checked, sealedKey }))
    },

    async removeProvider(viewer: Viewer, name: string): Promise<boolean> {
      requireScope(viewer, 'ADMIN')
      if (await providers.removeProvider(viewer.tenantId, cleanText(name))) return true
      throw new NotFoundError('provider', name, 'name')
    },

    /** With its key: for a call. Null: nobody has set one of that name. Asks no scope: it is for what has been let in. */
    async findForCall(tenantId: string, name: string): Promise<ModelProvider | null> {
      const stored = await providers.findProvider(tenantId, cleanText(name))
      if (stored) return toModelProvider(stored)
      return ofEnvironment.find((provider) => provider.name === name) ?? null
    },
  }
}

function ofTenant({ name, type, baseUrl, sealedKey }: StoredProvider): Provider {
  return { name, type, baseUrl, hasApiKey: sealedKey !== null, source: 'TENANT' }
}

function ofProcess({ name, type, baseUrl, apiKey }: ModelProvider): Provider {
  return { name, type, baseUrl, hasApiKey: apiKey !== null, source: 'ENVIRONMENT' }
}
