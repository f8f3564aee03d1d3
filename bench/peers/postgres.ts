import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/cluster/ports.ts';
import { PeerServer, peerDirectory } from './peer-server.ts';

const USER = 'postgres';
/** Where Debian has the programs that only a server needs. */
const VERSIONS = '/usr/lib/postgresql';

/**
 * PostgreSQL with its default settings, on a loopback port; whoever connects is believed.
 *
 * @param address - another one of this host that it listens on, for whom a network has in common with it
 */
export async function startPostgres(address?: string): Promise<PeerServer> {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted() : [];
  const version = versions.at(-1);
  if (version === undefined) throw new Error('no PostgreSQL: apt-get install postgresql');
  const directory = await peerDirectory(USER);
  const data = join(directory, 'data');
  const program = (name: string): string => join(VERSIONS, version, 'bin', name);
  const [initialize = '', ...rest] = asUser([
    program('initdb'),
    `--pgdata=${data}`,
    '--auth=trust',
    `--username=${USER}`,
  ]);
  const { status, stderr } = spawnSync(initialize, rest, { encoding: 'utf8', cwd: directory });
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  const addresses = ['127.0.0.1'];
  if (address !== undefined) {
    addresses.push(address);
    appendFileSync(join(data, 'pg_hba.conf'), 'host all all samenet trust\n');
  }
  const port = await freePort();
  const [command = '', ...words] = asUser([
    program('postgres'),
    '-D',
    data,
    '-h',
    addresses.join(','),
    '-p',
    String(port),
    '-k',
    directory,
  ]);
  return PeerServer.start(port, directory, command, words);
}

/** PostgreSQL refuses to run as root. */
function asUser(words: readonly string[]): readonly string[] {
  return process.getuid?.() === 0
    ? ['setpriv', `--reuid=${USER}`, '--clear-groups', ...words]
    : words;
}
