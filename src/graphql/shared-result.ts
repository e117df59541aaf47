import type { ExecutionResult } from 'graphql'
import { stringify } from '../raw-json.ts'

/** A result that is sent to many: written out once, and kept as that text alone. */
export class SharedResult implements ExecutionResult {
  declare readonly errors?: NonNullable<ExecutionResult['errors']>
  /** Null where there are errors: who is told of one is told the id of the own request. */
  readonly text: string | null
  readonly #data: ExecutionResult['data']

  constructor({ data, errors }: ExecutionResult) {
    if (errors) this.errors = errors
    this.text = errors ? null : stringify({ data })
    this.#data = errors && data
  }

  /** For who can't send the text as it is. */
  get data(): NonNullable<ExecutionResult['data']> | null {
    return (this.text === null ? this.#data : JSON.parse(this.text).data) ?? null
  }

  get length(): number {
    return this.text?.length ?? 0
  }
}
