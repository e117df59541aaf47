import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the PostgreSQL of a running product is: as its data folder says, for whoever may read that. */
export async function findCluster(dataFolder: string): Promise<{ url: string; adminUrl: string }> {
  const [pidFile, password] = await Promise.all([
    readFile(join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8'),
    readFile(join(dataFolder, 'postgres.password'), 'utf8'),
  ])
  const port = pidFile.split('\n')[3]
  const urlOf = (user: string, database: string) =>
    `postgres://${user}:${encodeURIComponent(password.trim())}@127.0.0.1:${port}/${database}`
  return { url: urlOf('tracemend', 'tracemend'), adminUrl: urlOf('postgres', 'tracemend') }
}
