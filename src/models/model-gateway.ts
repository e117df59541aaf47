import { type Limits, startLimits } from './call-limits.ts'
import { callDemoModel } from './demo-model.ts'
import type { Resolve } from './guarded-fetch.ts'
import { ModelCallError, type ModelGateway } from './model-call.ts'
import { callProvider } from './provider-call.ts'

export interface ModelGatewayOptions {
  limits: Limits
  /** How names become addresses; the system's way, unless a test has another. */
  resolve?: Resolve
}

/** The one place that speaks to providers of models. It knows of no environment: everything comes with the request. */
export function createModelGateway({ limits, resolve }: ModelGatewayOptions): ModelGateway {
  // The SDK prints its warnings to the console otherwise; here they are part of the answer.
  globalThis.AI_SDK_LOG_WARNINGS = false

  return {
    async call(request, options) {
      const callLimits = startLimits(limits, options.signal)
      const { type } = request.provider
      try {
        if (options.signal.aborted)
          throw callLimits.reason() ?? new ModelCallError('CANCELED', 'The call was canceled.')
        return type === 'DEMO'
          ? await callDemoModel(request, options, callLimits)
          : await callProvider({ request, type, options, limits: callLimits, resolve })
      } finally {
        callLimits.close()
      }
    },
  }
}
