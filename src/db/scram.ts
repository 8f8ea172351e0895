import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** As Postgres does it by default. */
const ITERATIONS = 4_096

/**
 * What Postgres keeps of a password (RFC 5803). Given in place of the password, it can be read in a statement, a log or a
 * backup and nobody can log in with it.
 *
 * @param password of printable ASCII, which needs no preparation (SASLprep).
 */
export const scramVerifier = (password: string, salt = randomBytes(16)): string => {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest()
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64')
  const serverKey = keyOf('Server Key').toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
