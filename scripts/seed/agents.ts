import { codingAgent } from './agents/coding.ts'
import { researchAgent } from './agents/research.ts'
import { sqlAgent } from './agents/sql.ts'
import { supportAgent } from './agents/support.ts'
import { triageAgent } from './agents/triage.ts'
import type { Agent } from './scene.ts'

/** Who works in this shop. */
export const agents: readonly Agent[] = [supportAgent, sqlAgent, codingAgent, triageAgent, researchAgent]
