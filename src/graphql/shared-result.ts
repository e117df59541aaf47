import type { ExecutionResult } from 'graphql'
import { stringify } from '../raw-json.ts'

/** A result that is sent to many: written out once, and kept as those bytes alone. */
export class SharedResult implements ExecutionResult {
  declare readonly errors?: NonNullable<ExecutionResult['errors']>
  /** Null where there are errors: who is told of one is told the id of the own request. */
  readonly bytes: Buffer | null
  readonly #data: ExecutionResult['data']

  constructor({ data, errors }: ExecutionResult) {
    if (errors) this.errors = errors
    this.bytes = errors ? null : Buffer.from(stringify({ data }))
    this.#data = errors && data
  }

  /** For who can't send the bytes as they are. */
  get data(): NonNullable<ExecutionResult['data']> | null {
    return (this.bytes === null ? this.#data : JSON.parse(this.bytes.toString()).data) ?? null
  }

  get length(): number {
    return this.bytes?.length ?? 0
  }
}
