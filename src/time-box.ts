import vm from 'node:vm'

/** A task that went on for longer than it was given. */
export class OutOfTimeError extends Error {}

/**
 * Runs a synchronous task for so many milliseconds at most; throws OutOfTimeError where it takes longer. Only a script
 * of node:vm can be interrupted, so the task runs below one. It costs about 0.1 ms (a timer thread each time): use it
 * for what may be slow. What it can't interrupt is a single call into native code, and no `finally` of an interrupted
 * task runs.
 */
export function withinTime<T>(ms: number, task: () => T): T {
  let result: T | undefined
  const outer = box.task
  box.task = () => {
    result = task()
  }
  try {
    script.runInContext(box, { timeout: Math.max(1, Math.ceil(ms)), displayErrors: false })
    return result as T
  } catch (error) {
    throw isTimeout(error) ? new OutOfTimeError(`It takes longer than ${ms} ms.`) : error
  } finally {
    box.task = outer
  }
}

const script = new vm.Script('task()')
const box = vm.createContext({ task: () => {} })

function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
