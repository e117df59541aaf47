interface Progress {
  add(traces: number): void
  /** A line of its own, above the bar. */
  say(line: string): void
  end(): void
}

const width = 30
/** Where nobody watches a terminal: a line for every fifth. */
const lines = 5

export function createProgress(total: number, out: NodeJS.WriteStream = process.stderr): Progress {
  const begun = performance.now()
  let done = 0
  let said = 0

  const rate = () => Math.round(done / ((performance.now() - begun) / 1_000))
  const text = () =>
    `${done.toLocaleString('en')} of ${total.toLocaleString('en')} traces, ${rate().toLocaleString('en')}/s`
  function draw(): void {
    const full = Math.floor((done / total) * width)
    out.write(`\r\x1b[K${'█'.repeat(full)}${'░'.repeat(width - full)} ${text()}`)
  }
  return {
    add(traces) {
      done += traces
      if (out.isTTY) return draw()
      const share = Math.floor((done / total) * lines)
      if (share > said) out.write(`${text()}\n`)
      said = share
    },
    say(line) {
      out.write(out.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`)
      if (out.isTTY) draw()
    },
    end() {
      if (out.isTTY) out.write('\n')
    },
  }
}
