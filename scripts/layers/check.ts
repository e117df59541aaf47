import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, join, posix } from 'node:path'
import { type Edge, findCycles } from './cycles.ts'
import { readEnvironmentUses } from './environment.ts'
import { type Import, readImports } from './imports.ts'
import { fileRules } from './names.ts'
import { isCode, isInSrc, lookedAt, type Place, placeOf } from './places.ts'
import { clarityRule, environmentRule, importRules, importRulesForAll } from './rules.ts'
import { parseSource } from './source.ts'

interface Violation {
  file: string
  line: number
  rule: string
  sentence: string
}

interface Report {
  files: number
  imports: number
  violations: Violation[]
}

type Target = { place: Place; isThere: boolean } | { package: string } | null

/** Looks at every file of ours below `root`; generated files only as what others import. */
export function checkLayers(root: string): Report {
  const report: Report = { files: 0, imports: 0, violations: [] }
  const edges: Edge[] = []
  for (const path of listFiles(root)) {
    const from = placeOf(path)
    report.files++
    report.violations.push(...checkName(from))
    const source = parseSource(path, readFileSync(join(root, path), 'utf8'))
    if (source.problem) {
      const { line, message } = source.problem
      report.violations.push({ file: path, line, rule: 'unreadable', sentence: `Could not be parsed: ${message}` })
    }
    for (const found of readImports(source)) {
      const target = resolve(root, path, found.specifier)
      report.imports++
      report.violations.push(...checkImport(from, found, target))
      if (target && 'place' in target) edges.push({ from: path, to: target.place.path, line: found.line })
    }
    if (environmentRule.governs(from))
      for (const line of readEnvironmentUses(source))
        report.violations.push({ file: path, line, rule: environmentRule.name, sentence: environmentRule.sentence })
  }
  report.violations.push(...checkCycles(edges), ...checkSight(root))
  return report
}

function listFiles(root: string): string[] {
  const own = readdirSync(root).filter((name) => statSync(join(root, name)).isFile())
  const below = lookedAt.flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => posix.relative(slashed(root), posix.join(slashed(entry.parentPath), entry.name)))
      : [],
  )
  return [...own, ...below].filter((path) => isCode(path) && placeOf(path).zone !== 'generated').sort()
}

const slashed = (path: string) => path.replaceAll('\\', '/')

function resolve(root: string, from: string, specifier: string | null): Target {
  if (specifier === null || /^(#|\/|file:|data:)/.test(specifier)) return null
  if (isBuiltin(specifier)) return { package: specifier.startsWith('node:') ? specifier : `node:${specifier}` }
  if (!/^\.\.?(\/|$)/.test(specifier)) {
    const parts = specifier.split('/')
    return { package: parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/') }
  }
  const path = posix.normalize(posix.join(dirname(from), specifier))
  const place = placeOf(path)
  const isFile = statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false
  return { place, isThere: isFile || place.zone === 'generated' }
}

function checkName(file: Place): Violation[] {
  const name = basename(file.path)
  return fileRules
    .filter((rule) => rule.governs(file) && !rule.allows(name, file))
    .map((rule) => ({ file: file.path, line: 1, rule: rule.name, sentence: rule.sentence }))
}

function checkImport(from: Place, found: Import, target: Target): Violation[] {
  const { specifier, line, isTypeOnly } = found
  const breach = (rule: string, sentence: string): Violation => ({ file: from.path, line, rule, sentence })
  if (!target) return clarityRule.governs(from) ? [breach(clarityRule.name, clarityRule.sentence)] : []
  if ('place' in target && !target.isThere) return [breach('unresolved-import', `There is no file "${specifier}".`)]

  const rules = from.isTest ? importRulesForAll : [...importRules, ...importRulesForAll]
  return rules
    .filter((rule) => rule.governs(from))
    .filter((rule) =>
      'place' in target
        ? rule.allowsFile?.(target.place, from, isTypeOnly) === false
        : rule.allowsPackage?.(target.package, from) === false,
    )
    .map((rule) =>
      breach(rule.name, `${rule.sentence} Found: ${'place' in target ? target.place.path : target.package}`),
    )
}

function checkCycles(edges: Edge[]): Violation[] {
  return findCycles(edges).map((cycle) => ({
    file: cycle[0]?.from ?? '',
    line: cycle[0]?.line ?? 1,
    rule: 'cycle',
    sentence: `No import cycles, of types neither. Found: ${[...cycle.map(({ from }) => from), cycle[0]?.from].join(' -> ')}`,
  }))
}

/** A checker that sees nothing finds nothing: that is a failure, not a success. */
function checkSight(root: string): Violation[] {
  if (listFiles(root).some((path) => isInSrc(placeOf(path)))) return []
  return [{ file: 'src', line: 1, rule: 'nothing-seen', sentence: 'No source file was found in src/.' }]
}
