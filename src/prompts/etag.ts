import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { PromptContent } from './prompt-content.ts'

/** The SHA-256 of the content's canonical JSON (RFC 8785), in hex: of one content the same everywhere. */
export function etagOf(content: PromptContent): string {
  return createHash('sha256')
    .update(canonicalize(content) as string)
    .digest('hex')
}
