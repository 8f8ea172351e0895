/** All that is wrong with the environment, a line each, each naming its variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:
${problems.map((problem) => `  ${problem}`).join('\n')}
.env.example lists every variable with its meaning.`)
    this.problems = problems
  }
}
