// Decides as it has decided before: asks how it solved the like, by meaning and not by words, decides, stores why, and
// checks that nobody has changed what it remembers. What it decides this time, it remembers the next time.
// Start Tracemend (`npm start`), then: TRACEMEND_KEY=tm_... node --import tsx examples/remember.ts ["a customer's mail"]
// No model is asked: what the agent does with its memories stands in `decide`.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import {
  CheckLedgerDocument,
  type CheckLedgerQuery,
  ReasonDocument,
  RecordDecisionDocument,
  RememberDocument,
  type RememberQuery,
  type StoreReasoningInput,
  WhyDocument,
} from './generated/documents.ts'

const url = process.env.TRACEMEND_URL ?? 'http://127.0.0.1:4000'
const key = process.env.TRACEMEND_KEY
if (!key) throw new Error('Set TRACEMEND_KEY to the key that the first start printed.')
const mail = process.argv[2] ?? 'The vase arrived in pieces. What now?'
const agent = 'complaints'

/** From here on the built-in encoder takes a mail for one of the same subject; other encoders have other figures. */
const alikeFrom = 0.4

type Memory = RememberQuery['searchReasoning'][number]

await learn()
console.log(`asked   ${mail}`)
const memories = await remember()
for (const { likeness, foundBy, trace } of memories) {
  console.log(`recalls ${likeness?.toFixed(2) ?? '   ?'} ${trace.summary} (${foundBy.join(', ')})`)
}

const alike = memories.filter(isAlike)
const { action, because } = decide(alike)
console.log(`decides ${action}: ${because?.trace.conclusion ?? 'nothing like it is known, so a human is asked'}`)

const traceId = randomUUID()
const { ingestTraces } = await ask(RecordDecisionDocument, {
  trace: {
    id: traceId,
    agent,
    name: 'answer a complaint',
    status: 'COMPLETED',
    messages: [{ role: 'user', content: mail }],
    output: action,
  },
})
const [refused] = ingestTraces.errors
if (refused) throw new Error(`${refused.path}: ${refused.message}`)

const { storeReasoning: stored } = await ask(ReasonDocument, {
  input: {
    ...{ agent, traceId, tags: [action] },
    ...(because && { parentId: because.trace.id }),
    decision: { type: 'DECISION', summary: `${action}: ${mail}`, outputRef: traceId },
    reasoning: {
      observations: [mail, ...alike.map(({ trace }) => `decided before: ${trace.summary}`)],
      conclusion: because?.trace.conclusion ?? 'Nothing like it was decided before.',
      confidence: Math.round((because?.likeness ?? 0) * 100) / 100,
      alternativesConsidered: alike.slice(1).map(({ trace }) => ({ option: trace.tags[0], like: trace.id })),
    },
  },
})
console.log(`stored  ${stored.id}, entry ${stored.ledger.sequence} of the ledger`)

const { trace, reasoningChain } = await ask(WhyDocument, { traceId, id: stored.id })
const [why] = trace?.reasoning.nodes ?? []
console.log(
  `why     ${JSON.stringify(trace?.output)} was answered: ${why?.observations.length} observations, beginning "${why?.observations[0]}"`,
)
console.log(`chain   ${reasoningChain?.depth} steps from "${reasoningChain?.parent.summary}"`)

const head = await checkLedger()
console.log(`ledger  is whole up to ${head?.sequence}:${head?.hash}`)
console.log('Keep that line somewhere else: examples/verify-ledger.ts finds with it whether the past was written anew.')

/** What it was taught, once: the same ids are the same records. */
async function learn(): Promise<void> {
  const lessons: [string, string, string, string][] = [
    [
      'replace',
      'Goods broken in transit',
      'The parcel was dented and the glass inside was shattered',
      'Damage on the way is ours: send another one at once.',
    ],
    [
      'refund',
      'Charged twice for one order',
      'The card statement shows the same amount two times',
      'Give the second payment back, and apologise.',
    ],
    [
      'refuse',
      'Return after half a year',
      'The customer has worn the shoes since spring',
      'The thirty days are over: decline kindly.',
    ],
  ]
  for (const [action, summary, observation, conclusion] of lessons) {
    await ask(ReasonDocument, {
      input: {
        ...{ id: `tr_lesson_${action}`, agent, tags: [action, 'lesson'] },
        decision: { type: 'DECISION', summary },
        reasoning: { observations: [observation], conclusion, confidence: 0.9 },
      } satisfies StoreReasoningInput,
    })
  }
}

/** A meaning is reckoned a moment after its record was stored: on the very first time it is waited for. */
async function remember(): Promise<Memory[]> {
  for (let attempt = 0; ; attempt++) {
    const { searchReasoning } = await ask(RememberDocument, { question: mail, filter: { agent } })
    if (searchReasoning.some(({ likeness }) => likeness !== null) || attempt === 20) return searchReasoning
    await pause(500)
  }
}

/** Something is always the nearest. Where its meaning was not looked at, its words have to do. */
function isAlike({ likeness, foundBy }: Memory): boolean {
  return likeness === null ? foundBy.includes('WORDS') : likeness >= alikeFrom
}

/** As it was decided in the case that is most like it. */
function decide(memories: readonly Memory[]): { action: string; because: Memory | null } {
  const [closest] = memories
  const action = closest?.trace.tags.find((tag) => ['replace', 'refund', 'refuse'].includes(tag))
  return closest && action !== undefined ? { action, because: closest } : { action: 'ask a human', because: null }
}

async function checkLedger() {
  for (let after: string | null = null; ; ) {
    const answer: CheckLedgerQuery = await ask(CheckLedgerDocument, { after })
    const { valid, reason, endCursor, head } = answer.verifyLedger
    if (!valid) throw new Error(`Somebody has changed what was decided: ${reason}`)
    if (!endCursor) return head
    after = endCursor
  }
}

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: print(document), variables }),
  })
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] }
  if (errors?.[0]) throw new Error(errors[0].message)
  return data
}
