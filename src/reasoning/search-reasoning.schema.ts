import { builder } from '../graphql/builder.ts'
import { ReasoningFilterInput, ReasoningTraceRef } from './reasoning.schema.ts'
import type { ReasoningHit } from './reasoning-search.service.ts'

const ReasoningSearchHitRef = builder.objectRef<ReasoningHit>('ReasoningSearchHit').implement({
  description: 'A record that was found.',
  fields: (t) => ({
    trace: t.expose('trace', { type: ReasoningTraceRef, description: 'The record.' }),
    score: t.exposeFloat('score', {
      description: 'How well it fits, from 0 to 1: to be compared within one answer, where higher is better.',
    }),
  }),
})

builder.queryField('searchReasoning', (t) =>
  t.field({
    type: [ReasoningSearchHitRef],
    extensions: { cost: 1_000 },
    description:
      'The records that fit a question best, by meaning and by words, the best first. A record is found by its words as ' +
      'soon as it is stored, and by its meaning a moment later. Where the encoder of questions does not answer, words ' +
      'alone decide. Needs the scope READ.',
    args: {
      query: t.arg.string({
        required: true,
        description: 'A question, a phrase, an identifier or an error code: 1 to 2,000 characters.',
      }),
      limit: t.arg.int({ defaultValue: 10, description: 'How many at most: 1 to 100.' }),
      filter: t.arg({ type: ReasoningFilterInput, description: 'Among which; left out: all.' }),
    },
    resolve: (_, query, { services, viewer }) => services.reasoningSearch.search(viewer, query),
  }),
)
