import type { Logger } from './logger.ts'

/** What carries topics between processes. It reconnects by itself until it is closed; what it can't send, it refuses. */
export interface BusWire {
  send(topics: readonly string[]): Promise<void>
  ping(): Promise<void>
  /** The connection is taken for dead: drop it and make another. */
  reset(error: unknown): void
  close(): Promise<void>
}

export interface BusEars {
  channel: string
  logger: Logger
  onTopic(topic: string): void
  /** Listening again: what was sent in the meantime has not arrived and never will. */
  onGap(): void
}

/** The topic that stands for every topic. */
export const everyTopic = '*'
