import { isInSrc, type Place } from './places.ts'

export interface FileRule {
  name: string
  sentence: string
  governs(file: Place): boolean
  allows(name: string, file: Place): boolean
}

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/
const emptyWords = ['util', 'utils', 'helper', 'helpers', 'common', 'types', 'manager', 'managers']

/** Rules about where a file lies and how it is called; `name` is the last part of its path. */
export const fileRules: FileRule[] = [
  {
    name: 'place',
    sentence: 'Every file of src lies in a folder that scripts/layers/places.ts knows.',
    governs: isInSrc,
    allows: (_name, file) => file.zone !== 'unknown',
  },
  {
    name: 'barrel',
    sentence: 'No barrels: import a file by its own name.',
    governs: () => true,
    allows: (name) => !/^index\./.test(name),
  },
  {
    name: 'empty-name',
    sentence: 'No utils, helpers, common, types or manager: name the idea.',
    governs: () => true,
    allows: (_name, { path }) => !path.split(/[/.-]/).some((word) => emptyWords.includes(word)),
  },
  {
    name: 'kebab-case',
    sentence: 'Files and folders are called in kebab-case.',
    governs: () => true,
    allows: (_name, { path }) => path.split(/[/.]/).every((word) => kebab.test(word)),
  },
  {
    name: 'layer-suffix',
    sentence:
      'In a domain and in feed/ a file is x.ts, x.schema.ts, x.loaders.ts, x.service.ts, x.repository.ts or x.jobs.ts.',
    governs: ({ zone }) => zone === 'domain' || zone === 'feed',
    allows: (_name, { layer }) => layer !== undefined,
  },
]
