import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import { ReasoningFilterInput, ReasoningTraceRef } from './reasoning.schema.ts'
import type { ReasoningHit, SearchMeans } from './reasoning-search.service.ts'

const meansDescriptions: Record<SearchMeans, string> = {
  WORDS: 'It has words of the question.',
  MEANING: 'It is among those whose meaning is nearest to that of the question.',
}

const SearchMeansRef = builder.enumType('SearchMeans', {
  description: 'By what a record is found.',
  values: describedValues(meansDescriptions),
})

const ReasoningSearchHitRef = builder.objectRef<ReasoningHit>('ReasoningSearchHit').implement({
  description: 'A record that was found.',
  fields: (t) => ({
    trace: t.expose('trace', { type: ReasoningTraceRef, description: 'The record.' }),
    score: t.exposeFloat('score', {
      description: 'How well it fits, from 0 to 1: to be compared within one answer, where higher is better.',
    }),
    likeness: t.exposeFloat('likeness', {
      nullable: true,
      description:
        'How much its meaning is like that of the question: their cosine, from -1 to 1. Unlike the score it says whether ' +
        'anything alike is known, as far as the encoder can tell. Of the built-in one: of questions that a record ' +
        'answered, 19 in 20 had a record of more than 0.35; of 20 about something else altogether 4 had, and none had ' +
        'one of 0.45. It does not tell a right record from others of its subject, and other encoders have other figures. ' +
        'Null: its meaning was not looked at, because it is not embedded yet, the encoder did not answer, or hundreds ' +
        'of others are nearer.',
    }),
    foundBy: t.expose('foundBy', {
      type: [SearchMeansRef],
      description:
        'What it was found by. Where no record of an answer was found by its meaning, none has been looked at for it: ' +
        'the encoder did not answer, or none of them is embedded yet.',
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
