// npm writes an optional package of another platform into package-lock.json only if it could read its
// manifest, and `npm ci` then refuses a lock that lacks one (https://github.com/npm/cli/issues/4828).
// This adds what is missing, so that one lock installs everywhere. Run it after every change of dependencies.
import { readFileSync, writeFileSync } from 'node:fs'

const platforms = {
  darwin: 'darwin',
  linux: 'linux',
  linuxmusl: 'linux',
  win32: 'win32',
  windows: 'win32',
  android: 'android',
}
const architectures = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32']
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))

let added = 0
for (const [parentPath, parent] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(parent.optionalDependencies ?? {})) {
    const version = range.replace(/^[\^~]/, '')
    const own = `${parentPath}/node_modules/${name}`
    const shared = `node_modules/${name}`
    if (
      lock.packages[own] ||
      lock.packages[shared]?.version === version ||
      (range !== version && lock.packages[shared])
    )
      continue
    const path = lock.packages[shared] ? own : shared
    const words = name.split(/[-/]/)
    const platform =
      platforms[words.find((word) => word in platforms)] ??
      words.find((word) => /bsd|sunos|aix|openharmony|netbsd/.test(word)) ??
      'none'
    const cpu = architectures.find((architecture) => words.includes(architecture)) ?? 'none'
    const entry = { version, cpu: [cpu], ...(parent.dev && { dev: true }), optional: true, os: [platform] }
    if (words.includes('musl')) entry.libc = ['musl']
    lock.packages[path] = entry
    added++
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log(`package-lock.json: ${added} packages of other platforms added`)
