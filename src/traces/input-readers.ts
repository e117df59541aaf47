import { cleanJson, cleanText, JsonNumberError, JsonTooDeepError, maxJsonDepth } from '../clean.ts'
import { dateTimeForm, readDateTime } from '../date-time.ts'
import { compareDecimals, parseDecimal } from '../decimal.ts'
import { isLongerThan } from '../text-length.ts'
import { sortedTags } from './merge.ts'

/** What was expected where a value is wrong; its place is the caller's to say. */
export class Wrong {
  readonly expected: string

  constructor(expected: string) {
    this.expected = expected
  }
}

/** The value as a record holds it, or what is wrong with it. Takes what JSON gives and what GraphQL made of it. */
export type Reader = (value: unknown) => unknown

const maxInt = 2_147_483_647
const maxDurationMs = 1e15
const maxTags = 100

export function text(maxLength: number, minLength = 0): Reader {
  const wrong = new Wrong(`a text of ${minLength} to ${maxLength} characters`)
  return (value) => {
    const isText = typeof value === 'string' && value.length >= minLength && !isLongerThan(value, maxLength)
    return isText ? cleanText(value) : wrong
  }
}

/** The index of the name is its code. */
export function code(names: readonly string[]): Reader {
  const codes = new Map<unknown, number>(names.map((name, index) => [name, index]))
  const wrong = new Wrong(`one of ${names.join(', ')}`)
  return (value) => codes.get(value) ?? wrong
}

const wrongCount = new Wrong(`a whole number from 0 to ${maxInt}`)
export const count: Reader = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxInt ? value : wrongCount

const wrongDuration = new Wrong(`a number of milliseconds from 0 to ${maxDurationMs}`)
export const duration: Reader = (value) =>
  typeof value === 'number' && value >= 0 && value <= maxDurationMs ? value : wrongDuration

const wrongMoment = new Wrong(dateTimeForm)
export const moment: Reader = (value) => readDateTime(value) ?? wrongMoment

const wrongFlag = new Wrong('true or false')
export const flag: Reader = (value) => (typeof value === 'boolean' ? value : wrongFlag)

const wrongMoney = new Wrong('USD as a decimal such as "0.0045", from 0 to 1000000000000, with up to 18 places')
export const money: Reader = (value) => {
  const decimal = parseDecimal(value)
  if (decimal === null || compareDecimals(decimal, '0') < 0 || compareDecimals(decimal, '1000000000000') > 0) {
    return wrongMoney
  }
  return decimal
}

const wrongDepth = new Wrong(`JSON that is nested ${maxJsonDepth} deep at most`)
const wrongNumber = new Wrong('JSON with numbers that fit 64 bits')
export const json: Reader = (value) => {
  try {
    return cleanJson(value)
  } catch (error) {
    if (error instanceof JsonTooDeepError) return wrongDepth
    if (error instanceof JsonNumberError) return wrongNumber
    throw error
  }
}

const wrongObject = new Wrong('a JSON object')
export const object: Reader = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? json(value) : wrongObject

const tag = text(200, 1)
const wrongTags = new Wrong(`a list of up to ${maxTags} texts of 1 to 200 characters`)
export const tags: Reader = (value) => {
  if (!Array.isArray(value) || value.length > maxTags) return wrongTags
  const read = value.map(tag)
  return read.some((each) => each instanceof Wrong) ? wrongTags : sortedTags(read as string[])
}
