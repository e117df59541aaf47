import { type Program, parseSync } from 'oxc-parser'

export interface Source {
  program: Program
  lineAt(offset: number): number
  /** Null when the file could be parsed: what could not be parsed was not looked at. */
  problem: { line: number; message: string } | null
}

export function parseSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text)
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length
  const [error] = errors
  const problem = error ? { line: lineAt(error.labels[0]?.start ?? 0), message: error.message } : null
  return { program, lineAt, problem }
}
