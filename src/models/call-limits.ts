import { ModelCallError, type ModelErrorCode } from './model-call.ts'

export interface Limits {
  /** Until the provider sends the first byte of its answer. */
  firstByteMs: number
  totalMs: number
}

export interface CallLimits {
  /** Aborted when the caller cancels or a limit is reached: everything of the call must stop with it. */
  signal: AbortSignal
  /** The same as a promise, so that nothing that ignores the signal can hold the call back. */
  stopped: Promise<never>
  /** Why the call was stopped, if it was. */
  reason(): ModelCallError | null
  onFirstByte(): void
  /** Ends the timers, and whatever of the call still runs. */
  close(): void
}

export function startLimits(limits: Limits, canceled: AbortSignal): CallLimits {
  const controller = new AbortController()
  const { signal } = controller
  let reason: ModelCallError | null = null

  const stop = (code: ModelErrorCode, message: string) => {
    reason ??= new ModelCallError(code, message)
    controller.abort(reason)
  }
  const cancel = () => stop('CANCELED', 'The call was canceled.')
  const firstByte = setTimeout(
    () => stop('FIRST_BYTE_TIMEOUT', `The provider sent nothing within ${limits.firstByteMs} ms.`),
    limits.firstByteMs,
  )
  const total = setTimeout(
    () => stop('TIMEOUT', `The call was not finished within ${limits.totalMs} ms.`),
    limits.totalMs,
  )
  const stopped = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  stopped.catch(() => {})
  if (canceled.aborted) cancel()
  else canceled.addEventListener('abort', cancel, { once: true })

  return {
    signal,
    stopped,
    reason: () => reason,
    onFirstByte: () => clearTimeout(firstByte),
    close() {
      clearTimeout(firstByte)
      clearTimeout(total)
      canceled.removeEventListener('abort', cancel)
      controller.abort()
    },
  }
}
