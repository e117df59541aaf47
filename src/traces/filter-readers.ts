import { cleanJson, cleanText } from '../clean.ts'
import { dateTimeForm, readDateTime } from '../date-time.ts'
import { parseDecimal } from '../decimal.ts'
import { InvalidInputError } from '../errors.ts'
import { isRecord } from '../json-record.ts'
import { shown } from '../shown.ts'
import { isLongerThan } from '../text-length.ts'
import { countWords } from './search-words.ts'

/** What a condition asks for, as it is searched with; throws INVALID_INPUT that names the place. */
export type FilterReader = (value: unknown, path: string) => unknown

const maxText = 1_000
const maxList = 1_000
const maxSearch = 200
const maxSearchWords = 10
const maxMetadataDepth = 20
const maxMetadataValues = 1_000

export const text: FilterReader = (value, path) => {
  if (typeof value === 'string' && !isLongerThan(value, maxText)) return cleanText(value)
  throw expected(path, `a text of up to ${maxText} characters`, value)
}

export const flag: FilterReader = (value, path) => {
  if (typeof value === 'boolean') return value
  throw expected(path, 'true or false', value)
}

export function oneOf(names: readonly string[]): FilterReader {
  return (value, path) => {
    if (names.includes(value as string)) return value
    throw expected(path, `one of ${names.join(', ')}`, value)
  }
}

export function listOf(read: FilterReader): FilterReader {
  return (value, path) => {
    if (!Array.isArray(value)) throw expected(path, 'a list', value)
    if (value.length > maxList)
      throw new InvalidInputError(path, `${path} has up to ${maxList} entries; got ${value.length}.`)
    return value.map((each, index) => read(each, `${path}[${index}]`))
  }
}

export function rangeOf(read: FilterReader): FilterReader {
  return (value, path) => {
    if (!isRecord(value)) throw expected(path, 'a range with gte, lt or both', value)
    const bounds = (['gte', 'lt'] as const).filter((bound) => (value[bound] ?? null) !== null)
    return Object.fromEntries(bounds.map((bound) => [bound, read(value[bound], `${path}.${bound}`)]))
  }
}

export const moment: FilterReader = (value, path) => {
  const iso = readDateTime(value)
  if (iso !== null) return new Date(iso)
  throw expected(path, dateTimeForm, value)
}

export const number: FilterReader = (value, path) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw expected(path, 'a number', value)
}

export const wholeNumber: FilterReader = (value, path) => {
  if (Number.isSafeInteger(value)) return value
  throw expected(path, 'a whole number', value)
}

export const decimal: FilterReader = (value, path) => {
  const parsed = parseDecimal(value)
  if (parsed !== null) return parsed
  throw expected(path, 'a decimal such as "0.0045"', value)
}

export const search: FilterReader = (value, path) => {
  const trimmed = typeof value === 'string' ? cleanText(value.trim()) : ''
  if (trimmed === '' || isLongerThan(trimmed, maxSearch)) {
    throw expected(path, `a text of 1 to ${maxSearch} characters, those at its ends aside that are blank`, value)
  }
  const words = countWords(trimmed)
  if (words <= maxSearchWords) return trimmed
  throw new InvalidInputError(path, `${path} has up to ${maxSearchWords} words; got ${words}.`)
}

export const metadata: FilterReader = (value, path) => {
  if (!isRecord(value)) throw expected(path, 'a JSON object', value)
  const values = countValues(value, path, maxMetadataDepth)
  if (values === null) throw new InvalidInputError(path, `${path} is nested up to ${maxMetadataDepth} deep; got more.`)
  if (values > maxMetadataValues) {
    throw new InvalidInputError(path, `${path} has up to ${maxMetadataValues} values; got ${values}.`)
  }
  return cleanJson(value)
}

/** Null: it is nested deeper. */
function countValues(value: unknown, path: string, depth: number): number | null {
  if (typeof value === 'string') text(value, path)
  if (typeof value === 'number') number(value, path)
  if (typeof value !== 'object' || value === null) return 1
  if (depth === 0) return null
  let sum = 1
  for (const [key, each] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${text(key, path)}`
    const values = countValues(each, at, depth - 1)
    if (values === null) return null
    sum += values
  }
  return sum
}

function expected(path: string, what: string, got: unknown): InvalidInputError {
  return new InvalidInputError(path, `${path} expects ${what}; got ${shown(got)}.`)
}
