import { builder } from '../graphql/builder.ts'
import { connectionOf, forwardPageArgs } from '../graphql/connection.ts'
import type { Agent } from './agent.ts'
import { TraceRef } from './trace.schema.ts'
import { TraceFilterInput } from './trace-filter.schema.ts'
import { TraceConnectionRef, TraceOrderInput } from './trace-list.schema.ts'

export const AgentRef = builder.objectRef<Agent>('Agent').implement({
  description: 'A named program that makes traces. It is there from the first trace on that names it.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, made here: `ag_…`.' }),
    name: t.exposeString('name', { description: 'Its name, as its traces give it; unique in the tenant.' }),
    firstSeenAt: t.expose('firstSeenAt', { type: 'DateTime', description: 'When its first trace came in.' }),
    lastSeenAt: t.expose('lastSeenAt', {
      type: 'DateTime',
      description: 'When something of its traces last came in; up to a second late.',
    }),
    traces: t.field({
      type: TraceConnectionRef,
      description: 'Its traces that match, newest first unless asked otherwise.',
      args: {
        filter: t.arg({ type: TraceFilterInput, description: 'Which of them; left out: all.' }),
        orderBy: t.arg({ type: TraceOrderInput, description: 'In which order; left out: newest first.' }),
        ...forwardPageArgs,
      },
      resolve: ({ name }, query, { services, viewer }) => services.traces.listTraces(viewer, query, { agents: [name] }),
    }),
  }),
})

const AgentConnectionRef = connectionOf(AgentRef, { many: 'agents' })

builder.objectField(TraceRef, 'agent', (t) =>
  t.field({
    type: AgentRef,
    nullable: true,
    description: 'The agent that made it. Null: no record of it says which.',
    resolve: ({ agent }, _, { loaders }) => (agent === null ? null : loaders.agentByName.load(agent)),
  }),
)

builder.queryFields((t) => ({
  agents: t.field({
    type: AgentConnectionRef,
    description: 'The agents that have made traces, by name. Needs the scope READ.',
    args: {
      ...forwardPageArgs,
      search: t.arg.string({ description: 'Only those with this in their names, in upper or lower case.' }),
    },
    resolve: (_, query, { services, viewer }) => services.agents.listAgents(viewer, query),
  }),
  agent: t.field({
    type: AgentRef,
    nullable: true,
    description:
      'One agent, by its id or by its name: exactly one of them is given. Null where the tenant has none such. ' +
      'Needs the scope READ.',
    args: {
      id: t.arg.id({ description: "The agent's id." }),
      name: t.arg.string({ description: "The agent's whole name, in upper and lower case as it is." }),
    },
    resolve: (_, choice, { services, viewer }) => services.agents.findAgent(viewer, choice),
  }),
}))
