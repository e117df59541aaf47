/** What a waterfall shows of a span. Twelve fields, in the order in which every answer has them. */
export const spanFields = [
  'id',
  'parentId',
  'kind',
  'name',
  'status',
  'startedAt',
  'endedAt',
  'durationMs',
  'model',
  'inputTokens',
  'outputTokens',
  'cost',
] as const

/** Nested so deep as the tree is. */
export const nestedDocument = (depth: number) =>
  `query Tree($id: ID!) { trace(id: $id) { rootSpans { ${nestedSelection(depth)} } } }`

function nestedSelection(depth: number): string {
  const fields = spanFields.join(' ')
  return depth === 1 ? fields : `${fields} children { ${nestedSelection(depth - 1)} }`
}
