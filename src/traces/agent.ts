import { cleanText } from '../clean.ts'
import { InvalidInputError } from '../errors.ts'
import { brokenCursor, encodeCursor, type PageInput, type PageRequest } from '../page.ts'

/** A named program that makes traces; it appears with the first trace that names it. */
export interface Agent {
  id: string
  name: string
  firstSeenAt: Date
  lastSeenAt: Date
}

export interface AgentsInput extends PageInput {
  search?: string | null | undefined
}

/** How a client names one agent: by exactly one of them. */
export interface AgentChoice {
  id?: string | null | undefined
  name?: string | null | undefined
}

/** A place in the list of agents, which is ordered by name and then id. */
export interface AgentPosition {
  name: string
  id: string
}

export function requireChoice({ id, name }: AgentChoice): { id: string } | { name: string } {
  const [givenId, givenName] = [id ?? null, name ?? null]
  if (givenId !== null && givenName === null) return { id: cleanText(givenId) }
  if (givenName !== null && givenId === null) return { name: cleanText(givenName) }
  const got = givenId === null ? 'neither' : 'both'
  throw new InvalidInputError('id', `An agent is asked for by its id or by its name; got ${got}.`)
}

export function agentCursor({ name, id }: AgentPosition): string {
  return encodeCursor([name, id])
}

export function readAgentPosition({ from, cursorField }: PageRequest): AgentPosition | null {
  if (from === null) return null
  const [name, id] = from
  if (from.length !== 2 || typeof name !== 'string' || typeof id !== 'string') throw brokenCursor(cursorField, from)
  return { name: cleanText(name), id: cleanText(id) }
}
