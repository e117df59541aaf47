import type { ModelGateway } from './model-call.ts'
import type { ModelGatewayOptions } from './model-gateway.ts'

/** What speaks to providers takes a while to load, and memory: it comes with the first call. */
export function createLazyModelGateway(options: ModelGatewayOptions): ModelGateway {
  let gateway: Promise<ModelGateway> | null = null
  return {
    async call(request, callOptions) {
      gateway ??= import('./model-gateway.ts').then(({ createModelGateway }) => createModelGateway(options))
      return (await gateway).call(request, callOptions)
    },
  }
}
