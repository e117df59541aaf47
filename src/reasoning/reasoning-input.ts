import { InvalidInputError } from '../errors.ts'
import { newId } from '../ids.ts'
import { shown } from '../shown.ts'
import * as read from '../traces/input-readers.ts'
import { type DecisionType, decisionTypes, type Reasoning } from './reasoning.ts'

/** As a client gives it. */
export interface StoreReasoningInput {
  id?: string | null | undefined
  decision: { type: DecisionType; summary: string; outputRef?: string | null | undefined }
  reasoning: {
    observations: readonly string[]
    conclusion: string
    hypothesis?: string | null | undefined
    confidence?: number | null | undefined
    alternativesConsidered?: readonly unknown[] | null | undefined
  }
  context?:
    | { filesRead?: readonly string[] | null | undefined; keyFacts?: readonly string[] | null | undefined }
    | null
    | undefined
  agent?: string | null | undefined
  sessionId?: string | null | undefined
  tags?: readonly string[] | null | undefined
  parentId?: string | null | undefined
  traceId?: string | null | undefined
  spanId?: string | null | undefined
}

/** Of one text, of a list, and of a record in all: what is written to explain a decision is read by somebody. */
const maxText = 20_000
const maxName = 200
const maxEntries = 500
const maxTags = 100
const maxCharacters = 100_000

type Read = (value: unknown, place: string) => unknown

/** The record as it is stored; throws INVALID_INPUT that names the place: `input.reasoning.confidence`. */
export function readReasoning(input: StoreReasoningInput, field = 'input'): Reasoning {
  const at = (place: string) => `${field}.${place}`
  const { decision, reasoning, context } = input
  const record = {
    id: optional(name, input.id, at('id')) ?? newId('tr'),
    decisionType: required(oneOfTypes, decision?.type, at('decision.type')),
    summary: required(words, decision?.summary, at('decision.summary')),
    outputRef: optional(text, decision?.outputRef, at('decision.outputRef')),
    observations: required(observations, reasoning?.observations, at('reasoning.observations')),
    hypothesis: optional(text, reasoning?.hypothesis, at('reasoning.hypothesis')),
    conclusion: required(words, reasoning?.conclusion, at('reasoning.conclusion')),
    confidence: optional(confidence, reasoning?.confidence, at('reasoning.confidence')),
    alternatives: optional(values, reasoning?.alternativesConsidered, at('reasoning.alternativesConsidered')) ?? [],
    filesRead: optional(texts, context?.filesRead, at('context.filesRead')) ?? [],
    keyFacts: optional(texts, context?.keyFacts, at('context.keyFacts')) ?? [],
    agent: optional(name, input.agent, at('agent')),
    sessionId: optional(name, input.sessionId, at('sessionId')),
    tags: optional(tags, input.tags, at('tags')) ?? [],
    parentId: optional(name, input.parentId, at('parentId')),
    traceId: optional(name, input.traceId, at('traceId')),
    spanId: optional(name, input.spanId, at('spanId')),
  } as Reasoning
  const length = JSON.stringify(record).length
  if (length > maxCharacters) {
    throw new InvalidInputError(field, `A record has up to ${maxCharacters} characters as JSON; got ${length}.`)
  }
  if (record.parentId === record.id) {
    throw new InvalidInputError(at('parentId'), 'A record can not be its own parent.')
  }
  if (record.spanId !== null && record.traceId === null) {
    throw new InvalidInputError(at('spanId'), 'A span is named with its trace: "traceId" is missing.')
  }
  return record
}

function required(read: Read, value: unknown, place: string): unknown {
  if ((value ?? null) === null) throw new InvalidInputError(place, `${place} is required.`)
  return read(value, place)
}

function optional(read: Read, value: unknown, place: string): unknown {
  return (value ?? null) === null ? null : read(value, place)
}

/** By a reader of records. */
function by(reader: read.Reader): Read {
  return (value, place) => {
    const got = reader(value)
    if (got instanceof read.Wrong)
      throw new InvalidInputError(place, `${place} must be ${got.expected}; got ${shown(value)}.`)
    return got
  }
}

const text = by(read.text(maxText))
const json = by(read.json)

const isSeen = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u

/** Not only blanks, and what nobody sees. */
function wordsWithin(maxLength: number): Read {
  const readText = by(read.text(maxLength, 1))
  return (value, place) => {
    const got = readText(value, place) as string
    if (isSeen.test(got)) return got
    throw new InvalidInputError(
      place,
      `${place} must be a text of 1 to ${maxLength} characters; it has none but blanks.`,
    )
  }
}

const words = wordsWithin(maxText)
const name = wordsWithin(maxName)

function listOf(read: Read, max = maxEntries): Read {
  return (value, place) => {
    if (!Array.isArray(value) || value.length > max) {
      const got = Array.isArray(value) ? `${value.length} entries` : shown(value)
      throw new InvalidInputError(place, `${place} must be a list of up to ${max} entries; got ${got}.`)
    }
    return value.map((each, index) => read(each, `${place}[${index}]`))
  }
}

const texts = listOf(text)
const observations = listOf(words)
const values = listOf(json)

const givenTags = listOf(name, maxTags)
/** In the order in which they were given, each once. */
const tags: Read = (value, place) => [...new Set(givenTags(value, place) as string[])]

const oneOfTypes: Read = (value, place) => {
  if (decisionTypes.includes(value as DecisionType)) return value
  throw new InvalidInputError(place, `${place} must be one of ${decisionTypes.join(', ')}; got ${shown(value)}.`)
}

const confidence: Read = (value, place) => {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw new InvalidInputError(place, `${place} must be a number from 0 to 1; got ${shown(value)}.`)
}
