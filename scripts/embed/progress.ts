interface Progress {
  show(done: number): void
  /** A line of its own, above the bar. */
  say(line: string): void
  end(): void
}

const width = 30
/** Where nobody watches a terminal: a line for every tenth. */
const lines = 10

export function createEmbeddingProgress(total: number, out: NodeJS.WriteStream = process.stderr): Progress {
  const begun = performance.now()
  let latest = 0
  let said = 0

  function text(): string {
    const seconds = (performance.now() - begun) / 1_000
    const left = latest > 0 ? `, ${Math.ceil(((total - latest) * seconds) / latest / 60)} min left` : ''
    return `${latest.toLocaleString('en')} of ${total.toLocaleString('en')} records${left}`
  }
  function draw(): void {
    const full = Math.floor((latest / total) * width)
    out.write(`\r\x1b[K${'█'.repeat(full)}${'░'.repeat(width - full)} ${text()}`)
  }
  return {
    show(done) {
      // New records come in meanwhile.
      latest = Math.max(latest, done)
      if (total === 0) return
      if (out.isTTY) return draw()
      const share = Math.floor((latest / total) * lines)
      if (share > said) out.write(`${text()}\n`)
      said = share
    },
    say(line) {
      out.write(out.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`)
    },
    end() {
      if (out.isTTY && total > 0) out.write('\n')
    },
  }
}
