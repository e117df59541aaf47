import type { Answer } from './connection.ts'

/** What is driven: the product, or the reference that it is compared with. */
export interface Side {
  address: string
  /** The server's own process, whose CPU time is reported. */
  pid: number
  /** The next request. It is made while the clock runs: make it cheap, and the same way for both sides. */
  next(): Buffer
  /** Throws if the answer is not what was asked for. Runs while the clock does. */
  check(answer: Answer): void
}

export interface Sides {
  ours: Side
  reference: Side
}
