/** How long our source files are: src/ and workers/, without tests and generated files. It judges nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

interface Size {
  file: string
  lines: number
}

const sizes = ['src', 'workers'].flatMap(measure).sort((a, b) => a.lines - b.lines)
const largest = sizes.at(-1)

if (!largest) console.log('no source files')
else {
  console.log(`files            ${sizes.length}`)
  console.log(`median           ${median()} lines`)
  console.log(`90th percentile  ${sizes[Math.ceil(sizes.length * 0.9) - 1]?.lines} lines`)
  console.log(`maximum          ${largest.lines} lines (${largest.file})`)
}

function measure(folder: string): Size[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative('.', join(entry.parentPath, entry.name)))
    .filter((file) => !file.split(/[\\/]/).includes('generated'))
    .map((file) => ({ file, lines: readFileSync(file, 'utf8').replace(/\n$/, '').split('\n').length }))
}

function median(): number {
  const upper = sizes[Math.floor(sizes.length / 2)]?.lines ?? 0
  const lower = sizes[Math.floor((sizes.length - 1) / 2)]?.lines ?? 0
  return (upper + lower) / 2
}
