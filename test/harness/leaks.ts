import { until } from './until.ts'

let open = 0

export function appOpened(): void {
  open++
}

/** When the last app of a file is closed, no socket may be left of it: neither its own nor one of a client. */
export async function appClosed(): Promise<void> {
  open--
  if (open > 0) return
  await until(() => sockets().length === 0)
}

function sockets(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap' || name === 'TCPSocketWrap')
}
