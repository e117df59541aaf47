import type { ExecutionResult } from 'graphql'
import { stringify } from '../raw-json.ts'

/** A result that is sent to many, written out once. */
export class SharedResult implements ExecutionResult {
  declare readonly data?: NonNullable<ExecutionResult['data']> | null
  declare readonly errors?: NonNullable<ExecutionResult['errors']>
  /** Null where there are errors: who is told of one is told the id of the own request. */
  readonly text: string | null

  constructor({ data, errors }: ExecutionResult) {
    this.data = data ?? null
    if (errors) this.errors = errors
    this.text = errors ? null : stringify({ data })
  }

  get length(): number {
    return this.text?.length ?? 0
  }
}
