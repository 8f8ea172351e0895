import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

// Has docker-compose read the compose file, without a Docker engine: it resolves variables and checks the form.

const folder = fileURLToPath(new URL('..', import.meta.url))
const succeeds = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { cwd: folder, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const program = (): string[] => {
  if (succeeds('docker-compose', 'version')) return ['docker-compose']
  if (succeeds('docker', 'compose', 'version')) return ['docker', 'compose']
  console.error('docker-compose is missing: installing the distribution’s package (once) …')
  if (
    succeeds('apt-get', 'install', '-qqy', '--no-install-recommends', 'docker-compose') ||
    (succeeds('apt-get', 'update') &&
      succeeds('apt-get', 'install', '-qqy', '--no-install-recommends', 'docker-compose'))
  ) {
    return ['docker-compose']
  }
  console.error('docker-compose could not be installed with apt-get. Install it and try again.')
  process.exit(1)
}

const [command = '', ...args] = program()
const services = execFileSync(command, [...args, 'config', '--services'], { cwd: folder, encoding: 'utf8' })
console.log(`docker-compose.yml is valid; services: ${services.trim().split('\n').sort().join(', ')}`)
