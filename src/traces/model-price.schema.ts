import { builder } from '../graphql/builder.ts'
import type { Model, ModelPrice } from './model-price.ts'

const ModelPriceRef = builder.objectRef<ModelPrice>('ModelPrice').implement({
  description: 'What a model costs, in USD per million tokens.',
  fields: (t) => ({
    inputPerMillion: t.expose('inputPerMillion', { type: 'Decimal', description: 'For a million input tokens.' }),
    outputPerMillion: t.expose('outputPerMillion', {
      type: 'Decimal',
      description: 'For a million output tokens. Tokens that went into reasoning are output.',
    }),
    cachedInputPerMillion: t.expose('cachedInputPerMillion', {
      type: 'Decimal',
      nullable: true,
      description: 'For a million input tokens that came from a cache. Null: they cost what other input costs.',
    }),
    source: t.exposeString('source', {
      description: 'Whose price it is: "tenant", set by `setModelPrice`, or "genai-prices", the public list prices.',
    }),
    effectiveFrom: t.expose('effectiveFrom', {
      type: 'DateTime',
      nullable: true,
      description: 'Since when it holds. Null: for as long as is known.',
    }),
  }),
})

const ModelRef = builder.objectRef<Model>('Model').implement({
  description: 'A model of a provider.',
  fields: (t) => ({
    provider: t.exposeString('provider', { description: 'Who answers: `openai`, `azure`, the name of a proxy.' }),
    name: t.exposeString('name', { description: 'As spans name it: `gpt-4o`.' }),
    price: t.expose('price', {
      type: ModelPriceRef,
      nullable: true,
      description: 'What it costs now. Null: unknown, and so is what calls to it cost, unless they say it.',
    }),
  }),
})

const ModelPriceInput = builder.inputType('ModelPriceInput', {
  description: 'What a model costs from now on, in USD per million tokens: 0 to 1000000, with up to 12 decimal places.',
  fields: (t) => ({
    provider: t.string({
      required: true,
      description: 'Who answers, 1 to 200 characters. Compared in lower case; common names of one provider are one.',
    }),
    model: t.string({
      required: true,
      description: 'The whole name as spans give it, 1 to 200 characters. Compared in lower case.',
    }),
    inputPerMillion: t.field({ type: 'Decimal', required: true, description: 'For a million input tokens.' }),
    outputPerMillion: t.field({
      type: 'Decimal',
      required: true,
      description: 'For a million output tokens, reasoning among them.',
    }),
    cachedInputPerMillion: t.field({
      type: 'Decimal',
      description: 'For a million input tokens that came from a cache; left out or null: as other input.',
    }),
  }),
})

builder.queryField('models', (t) =>
  t.field({
    type: [ModelRef],
    description:
      'The models that the tenant has priced, by provider and name, with their prices. Needs the scope READ.',
    resolve: (_, __, { services, viewer }) => services.modelPrices.listModels(viewer),
  }),
)

builder.mutationField('setModelPrice', (t) =>
  t.field({
    type: ModelRef,
    description:
      'Sets what a model costs the tenant, from now on. Wherever a cost is computed that nobody reported, the price ' +
      "at the time of the call counts, the tenant's own before public list prices; calls from before the tenant's first " +
      'price of the model cost what that says. Costs that were computed stay. Needs the scope ADMIN.',
    args: { input: t.arg({ type: ModelPriceInput, required: true, description: 'The model and its price.' }) },
    resolve: (_, { input }, { services, viewer }) => services.modelPrices.setModelPrice(viewer, input),
  }),
)
