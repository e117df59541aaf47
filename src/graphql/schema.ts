import '../tenants/api-key.schema.ts'
import '../tenants/tenant.schema.ts'
import '../tenants/usage.schema.ts'
import '../tenants/viewer.schema.ts'
import './scalars.ts'
import { builder } from './builder.ts'

/** Importing a domain's `*.schema.ts` adds its types; this is the one place that knows them all. */
export const schema = builder.toSchema()
