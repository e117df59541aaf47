/** The direction of all of them together, of length 1; null where there is none, or where they cancel each other out. */
export function meanVector(vectors: readonly Float32Array[]): Float32Array | null {
  const sum = new Float32Array(vectors[0]?.length ?? 0)
  for (const vector of vectors) {
    if (vector.length !== sum.length)
      throw new Error(`A vector of ${sum.length} was required, not of ${vector.length}.`)
    for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] as number) + (vector[index] as number)
  }
  return unitVector(sum)
}

/** Each part counts the same, however many windows it has: a conclusion as much as the whole that it concludes. */
export function meanOfParts(parts: readonly (readonly Float32Array[])[]): Float32Array | null {
  return meanVector(parts.map(meanVector).filter((vector) => vector !== null))
}

/** Null where it points nowhere: all zeros, or not numbers. */
export function unitVector(vector: ArrayLike<number>): Float32Array | null {
  let squares = 0
  for (let index = 0; index < vector.length; index++) squares += (vector[index] as number) ** 2
  const length = Math.sqrt(squares)
  if (!(length > 0) || !Number.isFinite(length)) return null
  return Float32Array.from(vector, (value) => value / length)
}
