/** A text as the parts that it is looked at by: each as a whole, and all of them together are its meaning. */
export type Parts = readonly string[]

/** Gives meaning as direction: texts that say the like point the same way. */
export interface Encoder {
  /** What made a vector: those of different models are never compared. */
  readonly model: string
  /**
   * A unit vector for each text, all as long as each other: the mean of those of its parts, each part in equal windows
   * of what the model can take in at once. A text without any word that the model reads has the vector null.
   */
  encode(texts: readonly Parts[], signal?: AbortSignal): Promise<(Float32Array | null)[]>
  /** What is under way fails, and whatever is asked afterwards. */
  close(): Promise<void>
}
