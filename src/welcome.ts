/** What a start says to the person who made it: where it is, and what to do next. */
export function welcome(address: string, firstKey: string | null): string {
  const lines = [
    '',
    '  Tracemend is up.',
    '',
    `  GraphQL     ${address}/graphql   (HTTP, server-sent events, WebSocket; GraphiQL in a browser)`,
    `  Health      ${address}/healthz  ${address}/readyz  ${address}/metrics`,
    '',
    firstKey ? '  Try it:' : '  Try it, with your key in TRACEMEND_KEY:',
    '',
    `  curl ${address}/graphql -H 'content-type: application/json' -H "authorization: Bearer ${firstKey ?? '$TRACEMEND_KEY'}" -d '{"query":"{ viewer { tenant { name } scopes } }"}'`,
    '',
    '',
  ]
  return lines.join('\n')
}

/** Said as soon as the key is made, before anything else can fail. */
export function firstKeyNotice(key: string): string {
  return `\n  Your key    ${key}\n              Keep it: only its hash is stored, and it is not shown again.\n`
}
