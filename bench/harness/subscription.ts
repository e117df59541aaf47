import { setTimeout as pause } from 'node:timers/promises'
import { type OnFrame, openWebSocket } from './websocket-line.ts'

export interface Subscription {
  close(): void
}

interface Options {
  address: string
  key: string
  query: string
  variables?: object
  /** Of results alone: `{"id":"1","type":"next","payload":…}` as bytes that are only lent. */
  onNext: OnFrame
  onEnd(error: Error): void
}

/** Resolves when the server has acknowledged the connection and been sent the subscription, which nobody acknowledges. */
export async function openSubscription({ query, variables, onNext, onEnd, ...where }: Options): Promise<Subscription> {
  let acknowledge = () => {}
  const acknowledged = new Promise<void>((resolve) => {
    acknowledge = resolve
  })
  const line = await openWebSocket({
    ...where,
    onEnd,
    onFrame(text) {
      if (text.includes(nextMark)) return onNext(text)
      const message = JSON.parse(text.toString('utf8'))
      if (message.type === 'connection_ack') acknowledge()
      else if (message.type === 'ping') line.send({ type: 'pong' })
      else if (message.type !== 'pong') onEnd(new Error(`a subscription was answered with ${text}`))
    },
  })
  line.send({ type: 'connection_init' })
  await acknowledged
  line.send({ id: '1', type: 'subscribe', payload: { query, variables } })
  return line
}

const nextMark = Buffer.from('"type":"next","payload":{"data"')

/** Until as many subscriptions are open in that product. */
export function untilSubscribed(address: string, subscriptions: number): Promise<void> {
  return untilCount(async () => {
    const metrics = await (await fetch(`${address}/metrics`)).text()
    return Number(/^tracemend_open_subscriptions (\d+)/m.exec(metrics)?.[1])
  }, subscriptions)
}

export async function untilCount(count: () => Promise<number>, expected: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await pause(50)) {
    const open = await count()
    if (open === expected) return
    if (Date.now() > deadline) throw new Error(`of ${expected} subscriptions, ${open} are open`)
  }
}
