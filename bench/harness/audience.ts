import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Many subscribers who all ask the same, in a process of their own. */
export interface Audience {
  /** From now on, each is to get so many events. */
  expect(events: number): Promise<void>
  /** What each of them has got, once it has: the same for all, in the same order, and nothing twice. */
  received(): Promise<string[]>
  close(): void
}

export interface Opening {
  address: string
  key: string
  query: string
  count: number
}

/** With nothing in it: say what has been received. */
export interface Order {
  open?: Opening
  expect?: number
}

export async function openAudience(opening: Opening): Promise<Audience> {
  const file = fileURLToPath(new URL('../clients/audience.ts', import.meta.url))
  const child = fork(file, { execArgv: ['--import', 'tsx'] })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(new Error('the subscribers have ended: why, they have said above')))
  })
  ended.catch(() => {})

  function ask(order: Order): Promise<string[]> {
    const answered = new Promise<string[]>((resolve, reject) => {
      child.once('message', (texts) => resolve(texts as string[]))
      child.send(order, (error) => error && reject(error))
    })
    return Promise.race([answered, ended])
  }

  await ask({ open: opening })
  return {
    expect: async (events) => void (await ask({ expect: events })),
    received: () => ask({}),
    close() {
      if (child.connected) child.disconnect()
    },
  }
}
