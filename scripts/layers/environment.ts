import { type Expression, type ObjectPattern, type PrivateIdentifier, type Super, Visitor } from 'oxc-parser'
import type { Source } from './source.ts'

/** The lines that reach the environment: `process.env`, `const { env } = process`, `import { env } from 'node:process'`. */
export function readEnvironmentUses({ program, lineAt }: Source): number[] {
  const lines = new Set<number>()
  const add = ({ start }: { start: number }) => lines.add(lineAt(start))

  new Visitor({
    MemberExpression(node) {
      if (isProcess(node.object) && nameOf(node.property) === 'env') add(node)
    },
    VariableDeclarator({ id, init }) {
      if (init && isProcess(init) && id.type === 'ObjectPattern' && takesEnv(id)) add(id)
    },
    ImportDeclaration({ source, specifiers }) {
      if (source.value !== 'process' && source.value !== 'node:process') return
      for (const specifier of specifiers)
        if (specifier.type === 'ImportSpecifier' && nameOf(specifier.imported) === 'env') add(specifier)
    },
  }).visit(program)
  return [...lines]
}

function isProcess(node: Expression | Super): boolean {
  if (node.type === 'Identifier') return node.name === 'process'
  return node.type === 'MemberExpression' && nameOf(node.property) === 'process'
}

function takesEnv(pattern: ObjectPattern): boolean {
  return pattern.properties.some((property) => property.type === 'RestElement' || nameOf(property.key) === 'env')
}

function nameOf(node: Expression | PrivateIdentifier): string | null {
  if (node.type === 'Identifier') return node.name
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : null
}
