/** What a start says to the person who made it: where it is, the key while it can be said, what to do next. */
export function welcome(address: string, firstKey: string | null): string {
  const key = firstKey ?? '$TRACEMEND_KEY'
  const lines = [
    '',
    '  Tracemend is up.',
    '',
    `  GraphQL     ${address}/graphql   (HTTP, server-sent events, WebSocket; GraphiQL in a browser)`,
    `  Health      ${address}/healthz  ${address}/readyz  ${address}/metrics`,
    ...(firstKey
      ? ['', `  Your key    ${firstKey}`, '              Keep it: only its hash is stored, and it is not shown again.']
      : []),
    '',
    firstKey ? '  Try it:' : '  Try it, with your key in TRACEMEND_KEY:',
    '',
    `  curl ${address}/graphql -H 'content-type: application/json' -H "authorization: Bearer ${key}" -d '{"query":"{ viewer { tenant { name } scopes } }"}'`,
    '',
    '',
  ]
  return lines.join('\n')
}
