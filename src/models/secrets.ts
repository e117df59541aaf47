const maxMessageLength = 1000

/** What a provider said, without anything that may be a key; providers like to repeat the one they were sent. */
export function withoutSecrets(text: string, apiKey: string | null): string {
  let clean = text
  for (const form of apiKey ? formsOf(apiKey) : []) clean = clean.replaceAll(form, hidden)
  for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement)
  // Cut last: half a key would match nothing.
  return clean.length > maxMessageLength ? `${clean.slice(0, maxMessageLength - 1).toWellFormed()}…` : clean
}

const hidden = '[secret]'

function formsOf(apiKey: string): string[] {
  const key = apiKey.trim()
  const forms = [key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1), Buffer.from(key).toString('base64')]
  return [...new Set(forms)].filter((form) => form !== '')
}

const patterns: [RegExp, string][] = [
  [/\b(Bearer|Basic)\s+[^\s"',;<>]+/gi, `$1 ${hidden}`],
  // OpenAI and Anthropic echo a key with its middle as asterisks.
  [/\bsk-[\w*.-]+/g, hidden],
  [/\bAIza[\w*-]{8,}/g, hidden],
  [/([?&](?:key|api[-_]?key|access[-_]?token|token|signature|sig)=)[^\s&"'<>#]+/gi, `$1${hidden}`],
  [/((?:x-api-key|x-goog-api-key|api[-_]?key)["']?\s*[:=]\s*["']?)[\w*.-]{8,}/gi, `$1${hidden}`],
  [/(\bhttps?:\/\/)[^\s/@"']+@/gi, `$1${hidden}@`],
]
