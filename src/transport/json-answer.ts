import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

/** Which JSON a client takes: that of its ranges which it names first, as Yoga chooses. Null: that is Yoga's to say. */
export function jsonTypeFor({ accept }: IncomingHttpHeaders): string | null {
  // What clients send that name nothing: `fetch`, curl.
  if (!accept || accept === '*/*') return json
  const ranges = accept.toLowerCase().split(',')
  for (const range of ranges) {
    const [type = '', ...parameters] = range.split(';')
    if (parameters.some((parameter) => parameter.includes('charset'))) return null
    const chosen = jsonTypes[type.trim()]
    if (chosen) return chosen
  }
  return null
}

const json = 'application/json'
const jsonTypes: Record<string, string> = {
  '*/*': json,
  'application/*': json,
  'application/json': json,
  'application/graphql-response+json': 'application/graphql-response+json',
}

/** A whole answer in one write, with the headers that Yoga sends: those for other origins where it came from one. */
export function sendAnswer(
  response: ServerResponse,
  { origin }: IncomingHttpHeaders,
  type: string,
  text: string,
): void {
  response.writeHead(200, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(text),
    ...corsHeaders(origin),
  })
  response.end(text)
}

/** What lets scripts of another origin read an answer. */
export function corsHeaders(origin: string | undefined): Record<string, string> {
  if (origin === undefined) return {}
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'x-request-id, retry-after',
    vary: 'Origin',
  }
}
