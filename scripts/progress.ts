interface Progress {
  /** How many are done by now. */
  show(done: number): void
  /** A line of its own, above the bar. */
  say(line: string): void
  end(): void
}

interface Options {
  total: number
  /** What is said of so many, after so many seconds. */
  text(done: number, seconds: number): string
  /** Where nobody watches a terminal: how many lines in all. */
  lines: number
  out?: NodeJS.WriteStream
}

const width = 30

export function createProgress({ total, text, lines, out = process.stderr }: Options): Progress {
  const begun = performance.now()
  let latest = 0
  let said = 0

  const say = () => text(latest, (performance.now() - begun) / 1_000)
  function draw(): void {
    const full = total > 0 ? Math.floor((latest / total) * width) : width
    out.write(`\r\x1b[K${'█'.repeat(full)}${'░'.repeat(width - full)} ${say()}`)
  }
  return {
    show(done) {
      // New ones may come in meanwhile.
      latest = Math.min(total, Math.max(latest, done))
      if (total === 0) return
      if (out.isTTY) return draw()
      const share = Math.floor((latest / total) * lines)
      if (share > said) out.write(`${say()}\n`)
      said = share
    },
    say(line) {
      out.write(out.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`)
      if (out.isTTY && total > 0) draw()
    },
    end() {
      if (out.isTTY && total > 0) out.write('\n')
    },
  }
}
