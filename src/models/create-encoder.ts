import type { Encoder } from './encoder.ts'
import { createEndpointEncoder, type EndpointEncoderOptions } from './endpoint-encoder.ts'
import { createSentenceEncoder } from './sentence-encoder.ts'

/** The endpoint that the operator named, else the built-in encoder. Costs nothing before the first text. */
export function createEncoder(endpoint: EndpointEncoderOptions | null): Encoder {
  return endpoint === null ? createSentenceEncoder() : createEndpointEncoder(endpoint)
}
