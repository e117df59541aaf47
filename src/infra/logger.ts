import { destination, type Logger, pino } from 'pino'

export type { Logger }

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** JSON lines on stderr; stdout belongs to what is said to a person. Keys never reach a log. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // pg hangs the whole client on the error of an idle connection.
      redact: ['authorization', '*.authorization', 'secret', '*.secret', 'err.client'],
    },
    destination({ fd: 2, sync: true }),
  )
}
