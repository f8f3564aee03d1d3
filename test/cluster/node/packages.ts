import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ClusterUnavailableError } from '../errors.ts';
import { isExecutable } from '../goBuild.ts';

/** Where Debian and the CNI project install the plugins. */
const pluginDirectories = ['/usr/lib/cni', '/opt/cni/bin'];

/** A program that a node needs, and the Debian package that has it. */
const packageOfProgram: Readonly<Record<string, string>> = {
  conntrack: 'conntrack',
  ip: 'iproute2',
  iptables: 'iptables',
  mount: 'mount',
  nft: 'nftables',
  nsenter: 'util-linux',
  runc: 'runc',
  sysctl: 'procps',
  unshare: 'util-linux',
};

/** What a node uses that this project does not build. */
export interface HostPrograms {
  readonly runc: string;
  /** With the plugins `bridge`, `host-local` and `portmap`. */
  readonly networkPlugins: string;
}

/**
 * Finds what the machine has to have.
 *
 * @throws ClusterUnavailableError that says in one line what is missing
 */
export async function findHostPrograms(): Promise<HostPrograms> {
  if (process.platform !== 'linux') throw new ClusterUnavailableError('a node needs Linux');
  if (process.getuid?.() !== 0) {
    throw new ClusterUnavailableError('a node needs root, for namespaces, mounts and cgroups');
  }
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(packageOfProgram)) {
    if ((await findProgram(program)) === undefined) missing.add(name);
  }
  const networkPlugins = await firstWith(pluginDirectories, 'bridge');
  if (networkPlugins === undefined) missing.add('containernetworking-plugins');
  const runc = await findProgram('runc');
  if (missing.size > 0 || runc === undefined || networkPlugins === undefined) {
    throw missingPackages([...missing]);
  }
  await checkMayMount();
  return { runc, networkPlugins };
}

export function missingPackages(names: readonly string[]): ClusterUnavailableError {
  return new ClusterUnavailableError(
    'packages are missing: apt-get install --no-install-recommends ' + names.join(' '),
  );
}

/** The path of a program, looked for where root's are, too. */
export async function findProgram(name: string): Promise<string | undefined> {
  const directories = (process.env.PATH ?? '').split(delimiter).filter((path) => path !== '');
  const directory = await firstWith([...directories, '/usr/sbin', '/sbin'], name);
  return directory === undefined ? undefined : join(directory, name);
}

async function firstWith(
  directories: readonly string[],
  program: string,
): Promise<string | undefined> {
  for (const directory of directories) {
    if (await isExecutable(join(directory, program))) return directory;
  }
  return undefined;
}

/** Root in an ordinary container is not root enough. */
async function checkMayMount(): Promise<void> {
  try {
    await access('/sys/fs/cgroup', constants.W_OK);
    await access('/proc/sys/kernel', constants.R_OK);
  } catch (cause) {
    throw new ClusterUnavailableError('a node needs cgroups that root may write to', { cause });
  }
}
