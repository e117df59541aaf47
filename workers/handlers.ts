import type { JobHandler } from '../src/infra/workers.ts'
import type { Services } from '../src/services.ts'
import { trim } from './feed.trim.ts'
import { run } from './playground.run.ts'
import { sweep } from './playground.sweep.ts'
import { embed } from './reasoning.embed.ts'
import { indexMeaning } from './reasoning.index.ts'
import { retain } from './tenants.retain.ts'
import { index } from './traces.index.ts'

/** Which handler does which job: all there are. */
export function createHandlers(services: Services): JobHandler[] {
  return [
    ...[retain(services), trim(services), index(services), run(services), sweep(services)],
    ...[embed(services), indexMeaning(services)],
  ] as JobHandler[]
}
