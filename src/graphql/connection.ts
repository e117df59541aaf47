import { defaultPageSize, type Page } from '../page.ts'
import { builder } from './builder.ts'

/**
 * Pages of a list as clients of Relay know them, with `nodes` as a shortcut. A service gives a page and says how a
 * cursor is made and all are counted; neither is done unless somebody asks.
 *
 * ```ts
 * const TraceConnectionRef = connectionOf(TraceRef, { many: 'traces' })
 *
 * builder.queryField('traces', (t) =>
 *   t.field({
 *     type: TraceConnectionRef,
 *     description: '…',
 *     args: { ...pageArgs },
 *     resolve: (_, page, { services, viewer }) => services.traces.listTraces(viewer, page),
 *   }),
 * )
 * ```
 *
 * A list with other sizes says so to its readers, to the limits on documents and to `readPage`:
 *
 * ```ts
 * const spanPages = { pageSize: 100, maxPageSize: 1_000 }
 *
 * t.field({ type: SpanConnectionRef, args: { ...forwardPageArgsOf(spanPages) }, extensions: spanPages, … })
 * readPage(page, spanPages.pageSize)
 * ```
 */
export interface Connection<Node> extends Page<Node> {
  cursorOf(node: Node): string
  /** How many there are on all pages together. */
  countAll(): Promise<number>
}

type NodeRef<Node> = ReturnType<ReturnType<typeof builder.objectRef<Node>>['implement']>

interface Edge<Node> {
  node: Node
  connection: Connection<Node>
}

const PageInfoRef = builder.objectRef<Connection<unknown>>('PageInfo').implement({
  description: 'Where a page lies in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether more nodes follow: ask with `after`.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', {
      description: 'Whether there are nodes before: ask with `before`, where the field has it.',
    }),
    startCursor: t.string({
      nullable: true,
      description: 'The cursor of the first node here. Null: the page is empty.',
      resolve: (connection) => cursorAt(connection, 0),
    }),
    endCursor: t.string({
      nullable: true,
      description: 'The cursor of the last node here. Null: the page is empty.',
      resolve: (connection) => cursorAt(connection, connection.items.length - 1),
    }),
  }),
})

function cursorAt(connection: Connection<unknown>, index: number): string | null {
  return index in connection.items ? connection.cursorOf(connection.items[index]) : null
}

/** The types `XConnection` and `XEdge` of a node X. `many` is what its readers call several of it. */
export function connectionOf<Node>(nodeRef: NodeRef<Node>, { many }: { many: string }) {
  const EdgeRef = builder.objectRef<Edge<Node>>(`${nodeRef.name}Edge`).implement({
    description: `One of the ${many} on a page, and where it stands.`,
    fields: (t) => ({
      cursor: t.string({
        description: 'Its place in the list, for `after` and `before`; good for the same order only.',
        resolve: ({ connection, node }) => connection.cursorOf(node),
      }),
      // Pothos allows for a Node that is a stream, and can't see that it is none.
      node: t.field({ type: nodeRef, description: 'What stands there.', resolve: ({ node }) => node as never }),
    }),
  })
  // The page is counted where the connection is: not once more for each of its lists.
  const extensions = { listSize: 1 }
  return builder.objectRef<Connection<Node>>(`${nodeRef.name}Connection`).implement({
    description: `A page of ${many}.`,
    fields: (t) => ({
      edges: t.field({
        type: [EdgeRef],
        description: `The ${many} of this page, each with its cursor.`,
        extensions,
        resolve: (connection) => connection.items.map((node) => ({ node, connection })),
      }),
      nodes: t.field({
        type: [nodeRef],
        description: `The ${many} of this page.`,
        extensions,
        resolve: ({ items }) => items,
      }),
      pageInfo: t.field({
        type: PageInfoRef,
        description: 'Where this page lies.',
        resolve: (connection) => connection,
      }),
      totalCount: t.int({
        description: `How many ${many} there are on all pages. Counted only when asked for, and exactly.`,
        resolve: (connection) => connection.countAll(),
      }),
    }),
  })
}

interface PageSizes {
  pageSize: number
  maxPageSize: number
}

const usualPages: PageSizes = { pageSize: defaultPageSize, maxPageSize: 100 }

/** For lists that go one way, in pages of a size of their own. */
export function forwardPageArgsOf({ pageSize, maxPageSize }: PageSizes) {
  return builder.args((t) => ({
    first: t.int({ description: `How many: ${pageSize} unless asked, ${maxPageSize} at most.` }),
    after: t.string({ description: 'Begin behind this cursor; left out or null: at the start.' }),
  }))
}

/** For lists that go one way. */
export const forwardPageArgs = forwardPageArgsOf(usualPages)

/** For lists that go both ways: from the start with `first` and `after`, or from the end with `last` and `before`. */
export const pageArgs = {
  ...forwardPageArgs,
  ...builder.args((t) => ({
    last: t.int({ description: 'How many from the end instead: as `first`, but backwards.' }),
    before: t.string({ description: 'With `last`: end before this cursor; left out or null: at the end.' }),
  })),
}
