import { join } from 'node:path';
import { cacheRoot, findKubectl, findKubernetesProgram, pinnedVersion } from '../binaries.ts';
import { buildOnce } from '../goBuild.ts';

/** What runs a node, beyond the API server and etcd: paths of programs. */
export interface NodeBinaries {
  readonly controllerManager: string;
  readonly scheduler: string;
  readonly kubelet: string;
  readonly proxy: string;
  /** Its shim lies beside it. */
  readonly containerd: string;
  readonly ctr: string;
  readonly kubectl: string;
  /** The first process of each Pod, linked statically. */
  readonly pause: string;
}

const containerdModule = join(import.meta.dirname, '../containerd');
const containerdPackage = 'github.com/containerd/containerd/v2';

/**
 * Finds the programs of a node in the cache, else builds them with Go into the cache: one after the
 * other, as each build alone keeps every core busy.
 *
 * @throws ClusterUnavailableError when there is no way to get them.
 */
export async function findNodeBinaries(): Promise<NodeBinaries> {
  return {
    controllerManager: await findKubernetesProgram('kube-controller-manager', '2 minutes'),
    scheduler: await findKubernetesProgram('kube-scheduler', 'a minute'),
    kubelet: await findKubernetesProgram('kubelet', '2 minutes'),
    proxy: await findKubernetesProgram('kube-proxy', 'a minute'),
    kubectl: await findKubectl(),
    ...(await findContainerd()),
    pause: await buildOnce({
      module: join(import.meta.dirname, 'pause'),
      package: '.',
      output: join(cacheRoot(), 'pause-1', 'pause'),
      announcement: 'building pause once, a few seconds',
    }),
  };
}

async function findContainerd(): Promise<{ readonly containerd: string; readonly ctr: string }> {
  const version = await pinnedVersion(containerdModule, containerdPackage);
  const build = async (program: string, duration: string): Promise<string> =>
    buildOnce({
      module: containerdModule,
      package: `${containerdPackage}/cmd/${program}`,
      output: join(cacheRoot(), `containerd-${version}`, program),
      linkerFlags: `-X ${containerdPackage}/version.Version=${version}`,
      announcement: `building ${program} once, about ${duration}`,
    });
  const containerd = await build('containerd', 'a minute');
  await build('containerd-shim-runc-v2', 'half a minute');
  return { containerd, ctr: await build('ctr', 'half a minute') };
}
