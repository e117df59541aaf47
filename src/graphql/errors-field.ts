import { type ASTNode, type GraphQLError, Kind, type Token, TokenKind } from 'graphql'

/**
 * What in the input it is about, where GraphQL refuses a document or its variables: `input.decision.summary`. It says so
 * in words for variables; for a literal it is the way to the node that it names. Undefined: it can't be known.
 */
export function refusedField({ message, nodes }: GraphQLError): string | undefined {
  const more = missingOrUnknown(message)
  const variable = variableField(message)
  if (variable !== undefined) return joined(variable, more)
  const argument = /^(?:(?:Field|Directive) "[^"]+" a|A)rgument "(\w+)" /.exec(message)?.[1]
  const place = placeOf(nodes?.[0])
  // An unknown field is its own node, a missing one has none: its object is named.
  return joined(place, nodes?.[0]?.kind === Kind.OBJECT ? more : undefined) ?? argument
}

/** `Variable "$input" got invalid value 1 at "input.name"; …`; the path is left out where all of it is wrong. */
function variableField(message: string): string | undefined {
  return / at "([^"]+)"; /.exec(message)?.[1] ?? /^Variable "\$([^"]+)"/.exec(message)?.[1]
}

const maxTail = 1_000
const missing = /(?:^|; )Field "(?:\w+\.)?(\w+)" of required type "[^"]+" was not provided\.$/
const unknown = /(?:^|; )Field "(.+)" is not defined by type "\w+"\.(?: Did you mean [^;]+\?)?$/

/** The name stands at the end; what was given stands before it, and may be large. */
function missingOrUnknown(message: string): string | undefined {
  const tail = message.slice(-maxTail)
  return (missing.exec(tail) ?? unknown.exec(tail))?.[1]
}

function joined(place: string | undefined, name: string | undefined): string | undefined {
  return place === undefined || name === undefined ? place : `${place}.${name}`
}

const values = new Set<string | undefined>([
  ...[Kind.VARIABLE, Kind.INT, Kind.FLOAT, Kind.STRING, Kind.BOOLEAN, Kind.NULL, Kind.ENUM, Kind.LIST, Kind.OBJECT],
])

/**
 * Nodes don't know what they are in, but tokens know what is before them: outwards from value to value, until the
 * parenthesis of the arguments.
 */
function placeOf(node: ASTNode | undefined): string | undefined {
  const isNamed = node?.kind === Kind.ARGUMENT || node?.kind === Kind.OBJECT_FIELD
  if (!isNamed && !values.has(node?.kind)) return undefined
  let place = ''
  let token = node?.loc?.startToken
  let name = isNamed ? token : undefined
  while (token) {
    if (!name) {
      const before = previous(token)
      // Of a variable that is defined, it is the default.
      if (before?.kind === TokenKind.EQUALS) return undefined
      if (before?.kind === TokenKind.COLON) name = previous(before)
    }
    const around = enclosing(name ?? token)
    place = name ? `.${name.value}${place}` : `[${around.index}]${place}`
    if (around.opening?.kind === TokenKind.PAREN_L) return place.slice(1)
    token = around.opening
    name = undefined
  }
  return undefined
}

/** The bracket that a token is in, and how many values of a list are before it. */
function enclosing(from: Token): { opening: Token | undefined; index: number } {
  let index = 0
  let depth = 0
  for (let token = previous(from); token; token = previous(token)) {
    if (closing.has(token.kind)) depth++
    else if (opening.has(token.kind)) {
      if (depth === 0) return { opening: token, index }
      depth--
      if (depth === 0) index++
    } else if (depth === 0 && token.kind !== TokenKind.DOLLAR) index++
  }
  return { opening: undefined, index }
}

const opening = new Set<TokenKind>([TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L])
const closing = new Set<TokenKind>([TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R])

function previous({ prev }: Token): Token | undefined {
  let token = prev
  while (token?.kind === TokenKind.COMMENT) token = token.prev
  return token ?? undefined
}
