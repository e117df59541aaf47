import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import type { Provider, ProviderSource } from './provider.ts'

const typeDescriptions: Record<Provider['type'], string> = {
  OPENAI: 'OpenAI, at its own address or another one.',
  ANTHROPIC: 'Anthropic.',
  GOOGLE: 'Google.',
  OPENAI_COMPATIBLE: 'Whatever speaks as OpenAI does: Ollama, vLLM, a proxy.',
  DEMO: 'Built in, and no model: it answers from the prompt, and says so. It can not be set.',
}

const ProviderTypeRef = builder.enumType('ProviderType', {
  description: 'How a provider is spoken to.',
  values: describedValues(typeDescriptions),
})

const sourceDescriptions: Record<ProviderSource, string> = {
  ENVIRONMENT: 'The operator, for everybody.',
  TENANT: 'The tenant, with setProvider.',
}

const ProviderSourceRef = builder.enumType('ProviderSource', {
  description: 'Who has set a provider.',
  values: describedValues(sourceDescriptions),
})

const ProviderRef = builder.objectRef<Provider>('Provider').implement({
  description: 'Where models answer. Its key is stored encrypted and never shown.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name, as model configs give it.' }),
    type: t.expose('type', { type: ProviderTypeRef, description: 'How it is spoken to.' }),
    baseUrl: t.exposeString('baseUrl', { nullable: true, description: 'Where it is. Null: at its public address.' }),
    hasApiKey: t.exposeBoolean('hasApiKey', { description: 'Whether a key is set.' }),
    source: t.expose('source', { type: ProviderSourceRef, description: 'Who has set it.' }),
  }),
})

const SetProviderInputRef = builder.inputType('SetProviderInput', {
  description: 'Where models answer.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 50 of a-z, 0-9, ".", "_" and "-"; not "demo".' }),
    type: t.field({ type: ProviderTypeRef, required: true, description: 'How it is spoken to; not DEMO.' }),
    baseUrl: t.string({
      description:
        'Where it is; left out or null: at its public address. It may not point into a private network, unless the ' +
        'operator allows that.',
    }),
    apiKey: t.string({
      description: 'Its key. Left out or null: the one that is set stays, as long as type and address do.',
    }),
  }),
})

builder.queryField('providers', (t) =>
  t.field({
    type: [ProviderRef],
    description: "The tenant's providers and those of the operator, by name. Needs the scope READ.",
    resolve: (_, __, { services, viewer }) => services.providers.listProviders(viewer),
  }),
)

builder.mutationFields((t) => ({
  setProvider: t.field({
    type: ProviderRef,
    description:
      'Sets where models of that name answer the tenant, before what the operator has set. Needs the scope ADMIN.',
    args: { input: t.arg({ type: SetProviderInputRef, required: true, description: 'The provider.' }) },
    resolve: (_, { input }, { services, viewer }) => services.providers.setProvider(viewer, input),
  }),
  removeProvider: t.boolean({
    description: 'Removes a provider of the tenant, and its key. Needs the scope ADMIN.',
    args: { name: t.arg.string({ required: true, description: 'Its name.' }) },
    resolve: (_, { name }, { services, viewer }) => services.providers.removeProvider(viewer, name),
  }),
}))
