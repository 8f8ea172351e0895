import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const openssl = (folder: string, command: string): void => {
  execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'pipe' })
}

/**
 * An authority and a server's certificate for `localhost`, made by it, as files in a folder. Another server's user must be
 * able to read the key, which Postgres allows only when nobody else can.
 *
 * @throws when there is no `openssl` on the PATH.
 */
export const makeCertificates = (folder: string) => {
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  openssl(folder, `req -x509 ${key} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem`)
  openssl(folder, `req ${key} -subj /CN=localhost -keyout server.key -out server.csr`)
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost')
  openssl(folder, 'x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -extfile names -out server.pem')
  chmodSync(join(folder, 'server.key'), 0o600)
  return {
    authority: join(folder, 'ca.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
  }
}
