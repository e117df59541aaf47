import { type Expression, Visitor } from 'oxc-parser'
import type { Source } from './source.ts'

export interface Import {
  /** Null when it is computed, so that nobody can tell what it reaches. */
  specifier: string | null
  line: number
  /** `import type`, `export type` and `import('…').X` in a type; an inline `type` leaves the import standing. */
  isTypeOnly: boolean
}

/** Everything by which a file reaches another: static, type-only, re-exported, dynamic, in a type, and `require`. */
export function readImports({ program, lineAt }: Source): Import[] {
  const imports: Import[] = []
  const add = (source: Expression, isTypeOnly: boolean) =>
    imports.push({ specifier: literalOf(source), line: lineAt(source.start), isTypeOnly })

  new Visitor({
    ImportDeclaration: (node) => void add(node.source, node.importKind === 'type'),
    ExportAllDeclaration: (node) => void add(node.source, node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => void (node.source && add(node.source, node.exportKind === 'type')),
    ImportExpression: (node) => void add(node.source, false),
    TSImportType: (node) => void add(node.source, true),
    TSExternalModuleReference: (node) => void add(node.expression, false),
    CallExpression({ callee, arguments: [source] }) {
      const isRequire = callee.type === 'Identifier' && callee.name === 'require'
      if (isRequire && source && source.type !== 'SpreadElement') add(source, false)
    },
  }).visit(program)
  return imports
}

function literalOf(source: Expression): string | null {
  if (source.type === 'Literal' && typeof source.value === 'string') return source.value
  if (source.type === 'TemplateLiteral' && source.expressions.length === 0)
    return source.quasis[0]?.value.cooked ?? null
  return null
}
