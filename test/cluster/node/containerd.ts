import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Machine } from './machine.ts';
import { runCommand } from './command.ts';
import type { HostPrograms } from './packages.ts';
import { PAUSE_IMAGE } from './images.ts';

const startTimeoutMilliseconds = 30_000;
const overlayType = 0x794c7630;
const podNetwork = '10.244.0.0/24';

export interface ContainerdOptions {
  readonly machine: Machine;
  readonly binary: string;
  readonly ctr: string;
  readonly host: HostPrograms;
  readonly directory: string;
}

/** The container runtime of a node, and the network that its Pods get. */
export class Containerd {
  readonly socket: string;
  readonly #ctr: string;

  private constructor(socket: string, ctr: string) {
    this.socket = socket;
    this.#ctr = ctr;
  }

  static async start(options: ContainerdOptions): Promise<Containerd> {
    const { machine, binary, ctr, directory } = options;
    const containerd = new Containerd(join(directory, 'containerd.sock'), ctr);
    const configuration = join(directory, 'containerd.toml');
    await writeFile(configuration, await configurationOf(options, containerd.socket));
    await writeNetwork(directory);
    const process = await machine.startInside({
      // containerd looks for its shim in the PATH.
      command: 'env',
      arguments: [
        `PATH=${dirname(binary)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        ...[binary, '--config', configuration],
      ],
      logPath: join(directory, 'containerd.log'),
    });
    await process.waitUntil(() => containerd.#isReady(), startTimeoutMilliseconds);
    return containerd;
  }

  /** @param archive - as `docker save` writes it */
  async importImage(archive: string): Promise<void> {
    await this.#run('images', 'import', '--local', archive);
  }

  async #isReady(): Promise<boolean> {
    try {
      await this.#run('version');
      return true;
    } catch {
      return false;
    }
  }

  async #run(...words: readonly string[]): Promise<void> {
    await runCommand(this.#ctr, '--address', this.socket, '--namespace', 'k8s.io', ...words);
  }
}

async function configurationOf(
  { host, directory }: ContainerdOptions,
  socket: string,
): Promise<string> {
  // The kernel refuses an overlay on an overlay.
  const isOverlay = (await statfs(directory)).type === overlayType;
  const quoted = (...path: readonly string[]): string => `'${join(directory, ...path)}'`;
  return `version = 3
root = ${quoted('containerd')}
state = ${quoted('containerd-state')}
[grpc]
  address = '${socket}'
[ttrpc]
  address = '${socket}.ttrpc'
[plugins.'io.containerd.cri.v1.images']
  snapshotter = '${isOverlay ? 'native' : 'overlayfs'}'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '${PAUSE_IMAGE}'
[plugins.'io.containerd.cri.v1.runtime']
  # What a machine within a machine may lack: CAP_SYS_RESOURCE, AppArmor, huge pages.
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  cdi_spec_dirs = []
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['${host.networkPlugins}']
    conf_dir = ${quoted('network')}
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = '${host.runc}'
      SystemdCgroup = false
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.internal.v1.opt']
  path = ${quoted('opt')}
`;
}

async function writeNetwork(directory: string): Promise<void> {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      dataDir: join(directory, 'addresses'),
      ranges: [[{ subnet: podNetwork }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  const network = {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [bridge, { type: 'portmap', capabilities: { portMappings: true } }],
  };
  await mkdir(join(directory, 'network'));
  await writeFile(join(directory, 'network/10-pods.conflist'), JSON.stringify(network));
}
