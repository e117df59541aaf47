/**
 * Tells an outage of the database from a bug: connections that were refused, cut or never came, servers that start
 * or shut down, and no connection to be had. Prisma wraps what the driver said, so causes are looked through.
 */
export function isDatabaseOutage(error: unknown): boolean {
  return someCause(error, ({ code, message }) => outageCodes.test(code) || outageMessages.test(message))
}

/** The statement ran into the time limit that its connection has. */
export function isStatementTimeout(error: unknown): boolean {
  return someCause(error, ({ code }) => code === '57014')
}

/** Node's socket errors; PostgreSQL's classes 08 and 57P, and too many connections; Prisma's connection errors. */
const outageCodes =
  /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|08...|57P0.|53300|P1001|P1002|P1008|P1017|P2024)/

/** What the drivers say without a code. */
const outageMessages =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error)/

interface Said {
  code: string
  message: string
}

function someCause(error: unknown, test: (said: Said) => boolean, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 5) return false
  const { code, originalCode, message, cause, meta, errors } = error as Record<string, unknown>
  if ([code, originalCode].some((each) => test({ code: String(each ?? ''), message: String(message ?? '') })))
    return true
  const inner = [cause, (meta as Record<string, unknown> | undefined)?.driverAdapterError]
  return [...inner, ...(Array.isArray(errors) ? errors : [])].some((each) => someCause(each, test, depth + 1))
}
