/** What a bench answers: one JSON object for machines; `detail` holds whatever else was measured. */
export interface BenchResult {
  name: string
  ours: number
  /** Null where there is nothing to compare with. */
  reference: number | null
  unit: string
  ratio: number | null
  goal: string
  detail: Record<string, unknown>
}

export interface Row {
  [column: string]: string | number
}

export interface BenchReport {
  result: BenchResult
  /** For people. */
  table: Row[]
  /** A second one, with columns of its own. */
  details?: Row[]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

export function ratioOf(ours: number, reference: number): number {
  return Number((ours / reference).toFixed(3))
}

export function formatTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  return lines.map((line) => `  ${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')}\n`).join('')
}
