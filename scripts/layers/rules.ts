import { type Domain, isInSrc, type Layer, leftOf, type Place, type Zone } from './places.ts'

/**
 * The rules of ARCHITECTURE.md as data: whom a rule governs, and which files and packages they may then import.
 * To change the architecture, change a line here and the page.
 */
export interface ImportRule {
  name: string
  sentence: string
  governs(from: Place): boolean
  allowsFile?(to: Place, from: Place, isTypeOnly: boolean): boolean
  allowsPackage?(name: string, from: Place): boolean
}

const purePackages = ['zod']
/** Rules may rest on public facts, such as list prices, and on languages that others wrote. */
const domainWordPackages = [...purePackages, '@bufbuild/cel', '@pydantic/genai-prices', 'canonicalize', 'diff']
const graphqlPackages = ['graphql', 'graphql-*', '@pothos/*', '@graphql*']
const databasePackages = ['pg', 'pg-*', '@prisma/*']
const queuePackages = ['bullmq', 'ioredis']
const ioBuiltins = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'http2',
  'https',
  'net',
  'tls',
  'worker_threads',
]

const isOneOf = (patterns: string[]) => (name: string) =>
  patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern))
const isNoneOf = (patterns: string[]) => {
  const isOne = isOneOf(patterns)
  return (name: string) => !isOne(name)
}
const isPureOr = (packages: string[]) => (name: string) =>
  name.startsWith('node:')
    ? !ioBuiltins.includes(name.slice('node:'.length).split('/')[0] ?? '')
    : isOneOf(packages)(name)
const isPure = isPureOr(purePackages)

const inDomain = (to: Place, ...layers: Layer[]) => to.zone === 'domain' && layers.some((layer) => layer === to.layer)
const inZone = ({ zone }: Place, ...zones: Zone[]) => zones.includes(zone)
const inFeed = (to: Place) => to.zone === 'feed' && to.layer !== 'repository'
const isLayer =
  (layer: Layer, ...zones: Zone[]) =>
  (from: Place) =>
    from.layer === layer && inZone(from, ...zones)
const isZone =
  (...zones: Zone[]) =>
  (from: Place) =>
    inZone(from, ...zones)

/** What is said to and heard of a model: the words of models/. */
const isModelCall = (to: Place) => to.path === 'src/models/model-call.ts'

/** The arrows between the layers of a domain. */
const arrows: ImportRule[] = [
  {
    name: 'schema-arrow',
    sentence: 'A *.schema.ts imports schemas, loaders, services, words and graphql/, and no database or queue.',
    governs: isLayer('schema', 'domain', 'feed'),
    allowsFile: (to) =>
      inDomain(to, 'schema', 'loaders', 'service', 'words') || inFeed(to) || inZone(to, 'graphql', 'core'),
    allowsPackage: isNoneOf([...databasePackages, ...queuePackages]),
  },
  {
    name: 'loaders-arrow',
    sentence: 'A *.loaders.ts imports services, repositories and words; infra/ only with `import type`.',
    governs: isLayer('loaders', 'domain', 'feed'),
    allowsFile: (to, _from, isTypeOnly) =>
      inDomain(to, 'loaders', 'service', 'repository', 'words') ||
      inZone(to, 'feed', 'core') ||
      (isTypeOnly && inZone(to, 'infra')),
    allowsPackage: isNoneOf([...graphqlPackages, ...databasePackages, ...queuePackages]),
  },
  {
    name: 'service-arrow',
    sentence:
      'A *.service.ts imports services, repositories, jobs, words (models/model-call.ts too), feed/ and errors; infra/ only ' +
      'with `import type`; ' +
      'no GraphQL, Prisma, pg, BullMQ or ioredis: it gets small interfaces.',
    governs: isLayer('service', 'domain', 'feed'),
    allowsFile: (to, _from, isTypeOnly) =>
      inDomain(to, 'service', 'repository', 'jobs', 'words') ||
      inZone(to, 'feed', 'core') ||
      isModelCall(to) ||
      (isTypeOnly && inZone(to, 'infra')),
    allowsPackage: isNoneOf([...graphqlPackages, ...databasePackages, ...queuePackages]),
  },
  {
    name: 'repository-arrow',
    sentence:
      'A *.repository.ts imports repositories, words, infra/, feed/ and errors, and no service, loader or GraphQL.',
    governs: isLayer('repository', 'domain', 'feed'),
    allowsFile: (to) => inDomain(to, 'repository', 'words') || inZone(to, 'feed', 'infra', 'generated', 'core'),
    allowsPackage: isNoneOf([...graphqlPackages, ...queuePackages]),
  },
  {
    name: 'jobs-arrow',
    sentence: 'A *.jobs.ts is a contract: it imports words, src/job.ts and zod.',
    governs: isLayer('jobs', 'domain', 'feed'),
    allowsFile: (to) => inDomain(to, 'jobs', 'words') || inZone(to, 'core'),
    allowsPackage: isPure,
  },
  {
    name: 'words-arrow',
    sentence:
      "Words (a domain's x.ts) import words, those of feed/ with `import type`, errors, node without its I/O, and " +
      `${domainWordPackages.join(', ')}.`,
    governs: isLayer('words', 'domain'),
    allowsFile: (to, _from, isTypeOnly) =>
      inDomain(to, 'words') ||
      inZone(to, 'core') ||
      isModelCall(to) ||
      (isTypeOnly && inZone(to, 'feed') && to.layer === 'words'),
    allowsPackage: isPureOr(domainWordPackages),
  },
]

const ladder: ImportRule[] = [
  {
    name: 'ladder',
    sentence:
      'A domain imports only what stands to its left: tenants < prompts < traces < playground, traces < reasoning.',
    governs: isZone('domain'),
    allowsFile: (to, from) => !to.domain || !from.domain || to.domain === from.domain || isLeft(to.domain, from.domain),
  },
  {
    name: 'feed-ladder',
    sentence: 'feed/ stands beside infra/: of the domains it imports the words of tenants alone.',
    governs: isZone('feed'),
    allowsFile: (to) =>
      inZone(to, 'feed', 'infra', 'core', 'generated') || (to.domain === 'tenants' && to.layer === 'words'),
  },
]

const isServices = ({ path }: Place) => path === 'src/services.ts'

function isLeft(left: Domain, right: Domain): boolean {
  return leftOf[right].some((domain) => domain === left)
}

/** What stands around the domains. */
const surroundings: ImportRule[] = [
  {
    name: 'infra-arrow',
    sentence:
      'infra/ imports infra/ and errors, and config only with `import type`: no domain, feed/, graphql/ or transport/.',
    governs: isZone('infra'),
    allowsFile: (to, _from, isTypeOnly) =>
      inZone(to, 'infra', 'core', 'generated') || (isTypeOnly && inZone(to, 'config')),
  },
  {
    name: 'models-arrow',
    sentence: 'models/ imports models/ and errors: it is told everything, and knows no domain, table or setting.',
    governs: isZone('models'),
    allowsFile: (to) => inZone(to, 'models', 'core'),
    allowsPackage: isNoneOf([...databasePackages, ...queuePackages, ...graphqlPackages]),
  },
  {
    name: 'graphql-arrow',
    sentence:
      'graphql/ imports graphql/, infra/, errors, and the words of tenants and feed/; config and src/services.ts only ' +
      'with `import type`; other parts of domains only in schema.ts (their *.schema.ts) and context.ts (their loaders).',
    governs: isZone('graphql'),
    allowsFile: (to, from, isTypeOnly) => {
      if (inZone(to, 'graphql', 'infra', 'core', 'generated')) return true
      if (inZone(to, 'config') || isServices(to)) return isTypeOnly
      if ((to.domain === 'tenants' || inZone(to, 'feed')) && to.layer === 'words') return true
      if (from.path === 'src/graphql/schema.ts') return inDomain(to, 'schema')
      return from.path === 'src/graphql/context.ts' && inDomain(to, 'loaders', 'words')
    },
  },
  {
    name: 'transport-arrow',
    sentence:
      'transport/ imports graphql/, infra/, errors, and the services and words of tenants; config only with `import type`.',
    governs: isZone('transport'),
    allowsFile: (to, _from, isTypeOnly) =>
      inZone(to, 'transport', 'graphql', 'infra', 'core') ||
      (to.domain === 'tenants' && inDomain(to, 'service', 'words')) ||
      (isTypeOnly && inZone(to, 'config')),
  },
  {
    name: 'core-arrow',
    sentence: 'What lies in src itself (errors.ts, job.ts) imports only its like, node without its I/O, and zod.',
    governs: isZone('core'),
    allowsFile: (to) => inZone(to, 'core'),
    allowsPackage: isPure,
  },
  {
    name: 'config-arrow',
    sentence: 'src/config.ts imports infra/, errors and the words of tenants.',
    governs: isZone('config'),
    allowsFile: (to) => inZone(to, 'infra', 'core') || (to.domain === 'tenants' && to.layer === 'words'),
  },
  {
    name: 'composition-root',
    sentence:
      'app, resources, services and process compose: src/main.ts imports them, config, infra/ and errors, and no more.',
    governs: isZone('main'),
    allowsFile: (to) => inZone(to, 'app', 'config', 'infra', 'core'),
  },
  {
    name: 'composition-root',
    sentence:
      'app, resources, services and process stand above all: within src only they and src/main.ts import them (graphql/ ' +
      'the type of services), and nobody in src imports src/main.ts.',
    governs: isInSrc,
    allowsFile: (to, from, isTypeOnly) => {
      if (inZone(to, 'main')) return false
      if (!inZone(to, 'app') || inZone(from, 'main', 'app')) return true
      return isServices(to) && isTypeOnly && inZone(from, 'graphql')
    },
  },
  {
    name: 'tables',
    sentence: 'Only *.repository.ts, infra/ and the composition roots import pg, Prisma or its generated client.',
    governs: (from) => isProduct(from) && !(from.layer === 'repository' || inZone(from, 'infra', 'app')),
    allowsFile: (to) => !to.path.startsWith('src/generated/prisma/'),
    allowsPackage: isNoneOf(databasePackages),
  },
]

/** The borders between src, workers, tests and tools. They see targets outside src too. */
const borders: ImportRule[] = [
  {
    name: 'src-alone',
    sentence: 'src imports nothing outside src: no workers/, test/, scripts/ or bench/.',
    governs: (from) => isInSrc(from),
    allowsFile: (to) => isInSrc(to) || inZone(to, 'data'),
  },
  {
    name: 'workers-alone',
    sentence: 'workers/ imports src and workers, and nothing else of ours.',
    governs: isZone('workers'),
    allowsFile: (to) => isInSrc(to) || inZone(to, 'workers', 'data'),
  },
  {
    name: 'test-last',
    sentence: 'Only test/, *.test.ts and the settings of the test runner import test/.',
    governs: (from) => !inZone(from, 'test') && from.path !== 'vitest.config.ts',
    allowsFile: (to) => !to.path.startsWith('test/'),
  },
]

/** A `*.test.ts` is exempt from all of the above. */
export const importRules: ImportRule[] = [...arrows, ...ladder, ...surroundings, ...borders]

/** What holds for tests, too. */
export const importRulesForAll: ImportRule[] = [
  {
    name: 'test-file',
    sentence: 'A *.test.ts is imported by nobody: what tests share lies in test/harness/.',
    governs: () => true,
    allowsFile: (to) => !to.isTest,
  },
]

export const environmentRule = {
  name: 'process-env',
  sentence: 'Only src/config.ts reads the environment.',
  /** The tools' own settings (vitest.config.ts and such) are not the product. */
  governs: (file: Place) =>
    isProduct(file) && !file.isTest && file.zone !== 'config' && !/^[^/]+\.config\.ts$/.test(file.path),
}

export const clarityRule = {
  name: 'unclear-import',
  sentence:
    'An import names a package or a relative path in a literal, so that it can be checked; infra/ alone may compute it.',
  governs: (file: Place) => isProduct(file) && !file.isTest && !inZone(file, 'infra'),
}

function isProduct(file: Place): boolean {
  return isInSrc(file) || inZone(file, 'workers', 'root')
}
