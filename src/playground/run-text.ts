/** What a model says, gathered into pieces that are stored in their order, one after another. */
export interface RunText {
  add(delta: string): void
  /** All that was added. */
  whole(): string
  /** Stores what is left; resolves when all is. */
  end(): Promise<void>
}

/** Deltas come token by token: stored one by one they would be a write each. What comes after a while is stored at once. */
const everyMs = 40

export function createRunText(store: (offset: number, text: string) => Promise<void>): RunText {
  let text = ''
  let stored = 0
  let storedAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()

  function flush(): void {
    timer = null
    storedAt = performance.now()
    const end = wholeCharacters(text)
    if (end === stored) return
    const [offset, piece] = [stored, text.slice(stored, end)]
    stored = end
    writing = writing.then(() => store(offset, piece))
    // Told by `end`.
    writing.catch(() => {})
  }

  return {
    add(delta) {
      text += delta
      timer ??= setTimeout(flush, Math.max(0, storedAt + everyMs - performance.now()))
    },
    whole: () => text,
    async end() {
      if (timer) clearTimeout(timer)
      flush()
      await writing
    },
  }
}

/** A character may come in halves, and PostgreSQL stores none. */
function wholeCharacters(text: string): number {
  return /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length
}
