import type { PromptBlock, PromptContent, PromptVariable } from './prompt-content.ts'

/**
 * A whole prompt in lines, for people, agents and unified diffs. Two contents have the same text only if they are the
 * same: a block's content and JSON stand two spaces further in than every heading, and what could pass for something
 * else in a heading is quoted as JSON is. The order of an object's keys doesn't show.
 *
 *     block intro: SYSTEM, name "The role", disabled
 *     when: tier == 'pro'
 *       You are {{name}}.
 *
 *     variable name: required
 *     description: What it calls itself
 *     default:
 *       "Ada"
 */
export function promptText({ blocks, variables, model, ...rest }: PromptContent): string {
  const sections = [...blocks.map(blockText), ...variables.map(variableText)]
  if (model) {
    sections.push(`model: ${quoted(model.provider)} ${quoted(model.name)}\n${jsonText('parameters', model.parameters)}`)
  }
  sections.push(jsonText('tools', rest.tools))
  sections.push(jsonText('tool choice', rest.toolChoice))
  sections.push(jsonText('response schema', rest.responseSchema))
  return sections.filter((section) => section !== '').join('\n')
}

function blockText({ id, role, name, format, enabled, when, content }: PromptBlock): string {
  const traits = [role as string]
  if (name !== null) traits.push(`name ${JSON.stringify(name)}`)
  if (format === 'JSON') traits.push('JSON')
  if (!enabled) traits.push('disabled')
  return `block ${quoted(id)}: ${traits.join(', ')}\n${line('when', when)}${indented(content)}`
}

function variableText({ name, description, required, default: otherwise }: PromptVariable): string {
  const heading = `variable ${quoted(name)}: ${required ? 'required' : 'optional'}\n`
  return heading + line('description', description) + jsonText('default', otherwise)
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : JSON.stringify(text)
}

/** A text that begins with a quote is one that had to be quoted. */
function line(label: string, text: string | null): string {
  if (text === null) return ''
  return `${label}: ${/^[^"\p{Cc}][^\p{Cc}]*$/u.test(text) ? text : JSON.stringify(text)}\n`
}

function jsonText(label: string, value: unknown): string {
  return value === null || value === undefined ? '' : `${label}:\n${indented(pretty(value))}`
}

/** An empty content has no line; one that ends with a line feed ends with an empty one. */
function indented(text: string): string {
  return text === '' ? '' : `  ${text.replaceAll('\n', '\n  ')}\n`
}

/** What is nested deeper stands on one line: 500 levels of a megabyte would be a gigabyte of spaces. */
const maxIndent = 16

export function pretty(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  const items = Array.isArray(value)
    ? value.map((item) => pretty(item, depth + 1))
    : membersOf(value).map(([key, member]) => `${JSON.stringify(key)}: ${pretty(member, depth + 1)}`)
  if (items.length === 0) return `${open}${close}`
  if (depth >= maxIndent) return `${open}${items.join(', ')}${close}`
  const indent = '  '.repeat(depth)
  return `${open}\n${indent}  ${items.join(`,\n${indent}  `)}\n${indent}${close}`
}

function membersOf(value: object): [key: string, member: unknown][] {
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return members.sort(([one], [other]) => (one < other ? -1 : 1))
}
