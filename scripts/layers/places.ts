import { basename } from 'node:path'

/** Where a file stands, read from its path alone. `unknown` is a place in src that no rule knows, and is refused. */
export type Zone =
  | 'domain'
  | 'feed'
  | 'infra'
  | 'models'
  | 'graphql'
  | 'transport'
  | 'app'
  | 'main'
  | 'config'
  | 'core'
  | 'generated'
  | 'unknown'
  | 'workers'
  | 'root'
  | 'test'
  | 'tooling'
  | 'data'
  | 'outside'

const layers = ['schema', 'loaders', 'service', 'repository', 'jobs'] as const
export type Layer = (typeof layers)[number] | 'words'

export interface Place {
  path: string
  zone: Zone
  domain: Domain | undefined
  /** In domains and in feed; undefined where the suffix is none of ours. */
  layer: Layer | undefined
  isTest: boolean
}

/** The ladder: what stands to the left of each domain. */
export const leftOf = {
  tenants: [],
  prompts: ['tenants'],
  traces: ['tenants', 'prompts'],
  playground: ['tenants', 'prompts', 'traces'],
  reasoning: ['tenants', 'prompts', 'traces'],
} as const satisfies Record<string, readonly string[]>
export type Domain = keyof typeof leftOf

/** The folders that are looked at, and the root's own *.ts beside them. */
export const lookedAt = ['src', 'workers', 'test', 'scripts', 'bench', 'examples']

const codeSuffix = /\.[cm]?[jt]sx?$/

export const isCode = (path: string) => codeSuffix.test(path)
const isDomain = (folder: string): folder is Domain => Object.hasOwn(leftOf, folder)
export const isInSrc = ({ path }: Place) => path.startsWith('src/')

export function placeOf(path: string): Place {
  const folders = path.split('/').slice(0, -1)
  const zone = zoneOf(path, folders)
  const folder = folders[1] ?? ''
  return {
    path,
    zone,
    domain: zone === 'domain' && isDomain(folder) ? folder : undefined,
    layer: zone === 'domain' || zone === 'feed' ? layerOf(path) : undefined,
    isTest: /\.test\.[cm]?[jt]sx?$/.test(path),
  }
}

function zoneOf(path: string, [top, second]: string[]): Zone {
  if (top === '..') return 'outside'
  if (!isCode(path)) return 'data'
  if (path.split('/').includes('generated')) return 'generated'
  if (top === undefined) return 'root'
  if (top === 'src') return second === undefined ? fileOfSrc(path) : folderOfSrc(second)
  if (top === 'workers' || top === 'test') return top
  return lookedAt.includes(top) ? 'tooling' : 'outside'
}

/** Together they put everything in its place, by hand: what a process stands on, its services, its API, its life. */
const compositionRoots = ['app', 'process', 'resources', 'services', 'reasoning-services']

function fileOfSrc(path: string): Zone {
  const name = basename(path, '.ts')
  if (compositionRoots.includes(name)) return 'app'
  return name === 'main' || name === 'config' ? name : 'core'
}

function folderOfSrc(folder: string): Zone {
  if (isDomain(folder)) return 'domain'
  if (folder === 'feed' || folder === 'infra' || folder === 'models' || folder === 'graphql' || folder === 'transport')
    return folder
  return 'unknown'
}

function layerOf(path: string): Layer | undefined {
  const [, suffix, ...more] = basename(path)
    .replace(codeSuffix, '')
    .replace(/\.test$/, '')
    .split('.')
  if (suffix === undefined) return 'words'
  return more.length === 0 ? layers.find((layer) => layer === suffix) : undefined
}
