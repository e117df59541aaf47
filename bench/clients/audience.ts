/**
 * Many clients with the same subscription. What one is sent is compared with what the others were: as all use the same
 * id, it is the same bytes, so that what one of them has got shows what all have.
 */
import type { Opening, Order } from '../harness/audience.ts'
import { openSubscription } from '../harness/subscription.ts'

interface Round {
  expected: number
  /** As whoever was first has got them. */
  texts: Buffer[]
  /** How many each has got. */
  received: Uint32Array
  unfinished: number
}

let round: Round = begin(0, 0)
let onFinished = () => {}

process.on('message', async ({ open, expect }: Order) => {
  if (open) await openAll(open)
  else if (expect !== undefined) round = begin(round.received.length, expect)
  else if (round.unfinished > 0)
    await new Promise<void>((resolve) => {
      onFinished = resolve
    })
  process.send?.(open || expect !== undefined ? [] : round.texts.map(String))
})
process.on('disconnect', () => process.exit())

async function openAll({ count, ...options }: Opening): Promise<void> {
  round = begin(count, 0)
  for (let index = 0; index < count; index++) {
    await openSubscription({ ...options, onNext: (text) => receive(index, text), onEnd: fail })
  }
}

function begin(count: number, expected: number): Round {
  return { expected, texts: [], received: new Uint32Array(count), unfinished: expected > 0 ? count : 0 }
}

/** What nobody expects, what comes twice and what another was told otherwise ends the process. */
function receive(index: number, text: Buffer): void {
  const place = round.received[index] as number
  if (place === round.expected) fail(new Error(`more than ${place} events came: ${text}`))
  const known = round.texts[place]
  if (!known) round.texts.push(Buffer.from(text))
  else if (!known.equals(text)) fail(new Error(`two were told different things: ${known} and ${text}`))
  round.received[index] = place + 1
  if (place + 1 === round.expected && --round.unfinished === 0) onFinished()
}

function fail(error: Error): never {
  console.error(error)
  process.exit(1)
}
