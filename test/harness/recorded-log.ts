import { type Logger, pino } from 'pino'

export interface LogLine {
  level: number
  msg: string
  [field: string]: unknown
}

/** A logger whose lines a test can read. */
export interface RecordedLog {
  logger: Logger
  lines: LogLine[]
  said(text: string): LogLine[]
}

export function recordLog(): RecordedLog {
  const lines: LogLine[] = []
  const logger = pino({ level: 'debug', base: null }, { write: (line: string) => lines.push(JSON.parse(line)) })
  return { logger, lines, said: (text) => lines.filter(({ msg }) => msg.includes(text)) }
}
