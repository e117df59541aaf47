/**
 * Calls everyone who has joined once in each period. One timer does it for all, and a part of them at a time: a ping to
 * ten thousand sockets at once would hold everything else up for 0.1 s.
 */
export interface Beats {
  join(beat: () => void): () => void
}

const partMs = 100

export function createBeats(everyMs: number): Beats {
  const parts = Array.from({ length: Math.max(1, Math.round(everyMs / partMs)) }, () => new Set<() => void>())
  let timer: NodeJS.Timeout | undefined
  let members = 0
  let joining = 0
  let beating = 0

  function beatPart(): void {
    beating = (beating + 1) % parts.length
    for (const beat of parts[beating] ?? []) beat()
  }

  return {
    join(beat) {
      joining = (joining + 1) % parts.length
      const part = parts[joining]
      part?.add(beat)
      if (members++ === 0) timer = setInterval(beatPart, everyMs / parts.length).unref()
      return () => {
        if (part?.delete(beat) && --members === 0) clearInterval(timer)
      }
    },
  }
}
