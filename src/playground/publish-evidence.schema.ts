import { builder } from '../graphql/builder.ts'
import { PublishEvidenceRef } from '../traces/publish-evidence.schema.ts'
import { PlaygroundSessionRef } from './session.schema.ts'

builder.objectField(PublishEvidenceRef, 'session', (t) =>
  t.field({
    type: PlaygroundSessionRef,
    nullable: true,
    description: 'The session that wrote it. Null: none did, or it was deleted.',
    resolve: ({ sessionId }, _, { loaders }) => (sessionId === null ? null : loaders.sessionById.load(sessionId)),
  }),
)
