/**
 * For trying a bench out: BENCH_SCALE=0.01 makes its data a hundredth (kept apart from the whole), BENCH_SECONDS=0.5 its
 * rounds short. Figures that are quoted use neither.
 */
export const scale = Number(process.env.BENCH_SCALE ?? 1)

/** How long one side is driven before it is the other's turn. */
export const roundMs = Number(process.env.BENCH_SECONDS ?? 3) * 1_000

export const rounds = 5

export const scaled = (size: number) => Math.max(1, Math.round(size * scale))
