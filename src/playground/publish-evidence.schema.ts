import { builder } from '../graphql/builder.ts'
import { PublishEvidenceRef } from '../traces/publish-evidence.schema.ts'
import { PlaygroundRunRef } from './run.schema.ts'
import { PlaygroundSessionRef } from './session.schema.ts'

builder.objectField(PublishEvidenceRef, 'runs', (t) =>
  t.field({
    type: [PlaygroundRunRef],
    description: 'The runs of that session that succeeded with what was saved. Deleted ones are left out.',
    resolve: async ({ runIds }, _, { loaders }) => {
      const found = await Promise.all(runIds.map((id) => loaders.runById.load(id)))
      return found.filter((run) => run !== null)
    },
  }),
)

builder.objectField(PublishEvidenceRef, 'session', (t) =>
  t.field({
    type: PlaygroundSessionRef,
    nullable: true,
    description: 'The session that wrote it. Null: none did, or it was deleted.',
    resolve: ({ sessionId }, _, { loaders }) => (sessionId === null ? null : loaders.sessionById.load(sessionId)),
  }),
)
