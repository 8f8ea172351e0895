/** Milliseconds between two lines where there is no terminal to overwrite one in. */
const LINE_EVERY = 5_000

/** Shows progress on standard error. */
export const createProgress = () => {
  const terminal = process.stderr.isTTY
  let writtenAt = 0
  return {
    show: (text: string): void => {
      if (terminal) process.stderr.write(`\r\x1b[K${text}`)
      else if (Date.now() - writtenAt > LINE_EVERY) {
        writtenAt = Date.now()
        process.stderr.write(`${text}\n`)
      }
    },
    clear: (): void => {
      if (terminal) process.stderr.write('\r\x1b[K')
    },
  }
}
