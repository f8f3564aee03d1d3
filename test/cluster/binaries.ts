import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ClusterUnavailableError } from './errors.ts';
import { buildOnce, isExecutable } from './goBuild.ts';

export interface Binaries {
  readonly apiServer: string;
  readonly etcd: string;
}

const apiServerModule = import.meta.dirname;
const etcdModule = join(import.meta.dirname, 'etcd');

/**
 * Finds kube-apiserver and etcd: in the directory KUBEBUILDER_ASSETS, else in the cache, else builds
 * them with Go into the cache.
 *
 * @throws ClusterUnavailableError when there is no way to get them.
 */
export async function findBinaries(): Promise<Binaries> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') {
    return findAssets(assets);
  }
  const version = await kubernetesVersion();
  const directory = await cacheDirectory();
  // One after the other: each build alone keeps every core busy.
  const etcd = await buildOnce({
    module: etcdModule,
    package: 'go.etcd.io/etcd/server/v3',
    output: join(directory, 'etcd'),
    announcement: 'building etcd once, about half a minute',
  });
  const apiServer = await buildOnce({
    module: apiServerModule,
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    output: join(directory, 'kube-apiserver'),
    linkerFlags: versionFlag(version),
    announcement: 'building kube-apiserver once, about 4 minutes',
  });
  return { apiServer, etcd };
}

/** Finds or builds the client-go elector, once per content of its source and its module. */
export async function findElector(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['elector/main.go', 'go.mod', 'go.sum']) {
    hash.update(await readFile(join(apiServerModule, file)));
  }
  return buildOnce({
    module: apiServerModule,
    package: './elector',
    output: join(await cacheDirectory(), `elector-${hash.digest('hex').slice(0, 16)}`),
    announcement: 'building the client-go elector once, about half a minute',
  });
}

/** Finds kubectl in the PATH, else in the cache, else builds it of the version of kube-apiserver. */
export async function findKubectl(): Promise<string> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(directory, 'kubectl');
    if (directory !== '' && (await isExecutable(candidate))) return candidate;
  }
  return buildOnce({
    module: apiServerModule,
    package: 'k8s.io/kubernetes/cmd/kubectl',
    output: join(await cacheDirectory(), 'kubectl'),
    linkerFlags: versionFlag(await kubernetesVersion()),
    announcement: 'building kubectl once, about a minute',
  });
}

async function findAssets(directory: string): Promise<Binaries> {
  const binaries = { apiServer: join(directory, 'kube-apiserver'), etcd: join(directory, 'etcd') };
  for (const binary of Object.values(binaries)) {
    if (!(await isExecutable(binary))) {
      throw new ClusterUnavailableError(`KUBEBUILDER_ASSETS is set, but ${binary} cannot be run`);
    }
  }
  return binaries;
}

/** Where everything is kept that takes long to make. */
export function cacheRoot(): string {
  const configured = process.env.XDG_CACHE_HOME;
  const cache =
    configured === undefined || configured === '' ? join(homedir(), '.cache') : configured;
  return join(cache, 'leasehold');
}

async function cacheDirectory(): Promise<string> {
  return join(cacheRoot(), `kubernetes-${await kubernetesVersion()}`);
}

async function kubernetesVersion(): Promise<string> {
  return pinnedVersion(apiServerModule, 'k8s.io/kubernetes');
}

/** The version pinned in a go.mod, so that it is written down in one place. */
export async function pinnedVersion(directory: string, module: string): Promise<string> {
  const lines = (await readFile(join(directory, 'go.mod'), 'utf8')).split('\n');
  for (const line of lines) {
    const [name, version] = line.replace('require', '').trim().split(' ');
    if (name === module && version !== undefined) return version.replace(/^v/, '');
  }
  throw new Error(`${join(directory, 'go.mod')} does not require ${module}`);
}

function versionFlag(version: string): string {
  return `-X k8s.io/component-base/version.gitVersion=v${version}`;
}
