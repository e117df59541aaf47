/**
 * Sums the reports of vitest's JSON reporter, given as arguments, into one line. A report that is missing, and a file
 * that failed before its first test, count as one failure each: neither may look like success.
 */
import { existsSync, readFileSync } from 'node:fs'

interface VitestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

const sum = { passed: 0, failed: 0, skipped: 0 }
for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) {
    console.error(`${path} was not written: the round ended before its report`)
    sum.failed++
    continue
  }
  const report: VitestReport = JSON.parse(readFileSync(path, 'utf8'))
  sum.passed += report.numPassedTests
  sum.failed += report.numFailedTests + report.testResults.filter(failedAsFile).length
  sum.skipped += report.numPendingTests + report.numTodoTests
}

const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`)
if (sum.failed > 0 || sum.passed === 0) process.exitCode = 1

function failedAsFile({ status, assertionResults }: VitestReport['testResults'][number]): boolean {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
}
