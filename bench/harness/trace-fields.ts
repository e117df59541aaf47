import { spanFields } from './span-fields.ts'

/** All that a trace says of itself: 38 fields, eight of them wide. */
const fields = `
  id name promptName etag status success outcome errorMessage startedAt endedAt durationMs model provider modelConfig
  inputTokens outputTokens totalTokens cachedInputTokens reasoningTokens cost costSource tags metadata conversationId
  runId userId manifest variables messages output tools toolChoice spanCount errorCount createdAt updatedAt`

export const traceDocument = `
  query Trace($id: ID!) {
    trace(id: $id) { ${fields} spans(first: 50) { nodes { ${spanFields.join(' ')} } } }
  }`
