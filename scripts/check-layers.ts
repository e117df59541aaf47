/**
 * Checks that imports go the way ARCHITECTURE.md says; the rules are data in layers/rules.ts.
 * Usage: check-layers.ts [ROOT]
 */
import { checkLayers } from './layers/check.ts'

const { files, imports, violations } = checkLayers(process.argv[2] ?? process.cwd())

for (const { file, line, rule, sentence } of violations) console.error(`${file}:${line}  ${rule}  ${sentence}`)
if (violations.length > 0) process.exitCode = 1
else console.log(`layers: looked at ${files} files and ${imports} imports, every rule holds`)
