import type { MergeRule } from './merge.ts'

/** The rules of `merge.ts` as SQL: how a row that is there and one that comes meet in `on conflict do update`. */
export interface MergedColumn {
  /** Of the table. */
  column: string
  /** Of the record, which is also the column's name in `json_to_recordset`. */
  field: string
  type: string
  rule: MergeRule
}

interface Mapping {
  types: Readonly<Record<string, string>>
  /** Where the column is not called as the field is, in snake case. */
  columns?: Readonly<Record<string, string>>
}

export function mergedColumns<Field extends string>(
  rules: Readonly<Record<Field, MergeRule>>,
  { types, columns = {} }: Mapping,
): MergedColumn[] {
  return (Object.entries(rules) as [Field, MergeRule][]).map(([field, rule]) => ({
    column: columns[field] ?? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    field,
    type: types[field] ?? typeOfRule[rule],
    rule,
  }))
}

/** `"inputTokens" int, …`: what `json_to_recordset` makes of the records. */
export function recordset(columns: readonly MergedColumn[]): string {
  return columns.map(({ field, type }) => `"${field}" ${type}`).join(', ')
}

export function columnList(columns: readonly MergedColumn[]): string {
  return columns.map(({ column }) => column).join(', ')
}

export function fieldList(columns: readonly MergedColumn[], alias: string): string {
  return columns
    .map(({ field, rule }) => (rule === 'tags' ? `coalesce(${alias}."${field}", '{}')` : `${alias}."${field}"`))
    .join(', ')
}

/** `name = fuller(spans.name, excluded.name), …` */
export function assignments(table: string, columns: readonly MergedColumn[]): string {
  return columns.map((each) => `${each.column} = ${merged(table, each)}`).join(', ')
}

/** Whether the merge would change anything: a repeated record writes nothing. */
export function isChanged(table: string, columns: readonly MergedColumn[]): string {
  const now = columns.map(({ column, rule }) => comparable(`${table}.${column}`, rule))
  const then = columns.map((each) => comparable(merged(table, each), each.rule))
  return `(${now.join(', ')}) is distinct from (${then.join(', ')})`
}

const typeOfRule: Record<MergeRule, string> = {
  least: 'text',
  greatest: 'text',
  fuller: 'text',
  fullerJson: 'json',
  object: 'json',
  tags: 'text[]',
}

function merged(table: string, { column, rule }: MergedColumn): string {
  const [known, given] = [`${table}.${column}`, `excluded.${column}`]
  switch (rule) {
    case 'least':
      return `least(${known}, ${given})`
    case 'greatest':
      return `greatest(${known}, ${given})`
    case 'fuller':
      return `fuller(${known}, ${given})`
    case 'fullerJson':
      return `fuller(${known}::text, ${given}::text)::json`
    case 'object':
      return `merge_object(${known}, ${given})`
    case 'tags':
      return `merge_tags(${known}, ${given})`
  }
}

/** The type json has no equality. An object that was merged may only be written differently: that is no change. */
function comparable(expression: string, rule: MergeRule): string {
  if (rule === 'object') return `(${expression})::jsonb`
  return rule === 'fullerJson' ? `(${expression})::text` : expression
}
