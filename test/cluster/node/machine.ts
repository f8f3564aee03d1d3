import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterProcessError } from '../errors.ts';
import { SupervisedProcess } from '../process.ts';
import { connectTo } from './network.ts';

/**
 * What the kubelet wants of the kernel, for the whole machine. It gets files with what it wants in the
 * place of the settings, and leaves the settings alone.
 */
const kernelSettings: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

// Process 1 of the namespaces. What a node writes outside of its directory goes to memory that nobody
// else sees. It ignores SIGCHLD, and so do the programs that it becomes: then the kernel reaps what
// containers leave behind.
const initScript = `
set -e
hostname "$1"
for directory in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$directory"; done
cd "$2"
for setting in */* */*/*; do
  [ -d "$setting" ] || mount --bind "$setting" "/proc/sys/$setting"
done
echo ready
trap '' CHLD
exec sleep infinity
`;

export interface EnterOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly logPath: string;
}

/**
 * The namespaces of processes, mounts, network and host name that are a node's machine. When its
 * process 1 ends, the kernel ends every process in it, and with these go mounts and network devices.
 */
export class Machine {
  /** Of the machine, as this host and its own processes reach it. */
  readonly address: string;
  readonly #unshare: SupervisedProcess;
  readonly #inside: SupervisedProcess[] = [];
  readonly #init: number;

  private constructor(unshare: SupervisedProcess, init: number, address: string) {
    this.#unshare = unshare;
    this.#init = init;
    this.address = address;
  }

  /** @param directory - of the node; goes when this process dies */
  static async start(name: string, directory: string): Promise<Machine> {
    const settings = join(directory, 'kernel-settings');
    for (const [setting, value] of Object.entries(kernelSettings)) {
      await mkdir(join(settings, setting, '..'), { recursive: true });
      await writeFile(join(settings, setting), `${value}\n`);
    }
    const logPath = join(directory, 'machine.log');
    const unshare = await SupervisedProcess.start({
      command: 'unshare',
      arguments: [
        ...['--pid', '--mount', '--net', '--uts', '--fork', '--kill-child', '--mount-proc'],
        ...['--', 'sh', '-c', initScript, 'sh', name, settings],
      ],
      logPath,
      directory,
    });
    const isReady = async (): Promise<boolean> =>
      (await readFile(logPath, 'utf8')).includes('ready');
    try {
      await unshare.waitUntil(isReady, startTimeoutMilliseconds);
      const init = await childWithin(unshare.pid);
      return new Machine(unshare, init, await connectTo(init));
    } catch (error) {
      await unshare.end('SIGKILL');
      throw error;
    }
  }

  /** The command that starts a program in the machine's network, and nothing else of it. */
  get networkPrefix(): readonly string[] {
    return ['nsenter', `--net=/proc/${String(this.#init)}/ns/net`, '--'];
  }

  /** Starts a program in the machine's network, as a process of the host. */
  async startOutside({
    command,
    arguments: words,
    logPath,
  }: EnterOptions): Promise<SupervisedProcess> {
    const [nsenter = '', ...prefix] = this.networkPrefix;
    return SupervisedProcess.start({
      command: nsenter,
      arguments: [...prefix, command, ...words],
      logPath,
    });
  }

  /** Starts a program as a process of the machine. */
  async startInside({ command, arguments: words, logPath }: EnterOptions): Promise<MachineProcess> {
    const nsenter = await SupervisedProcess.start({
      command: 'nsenter',
      arguments: [...this.#insidePrefix(), command, ...words],
      logPath,
    });
    this.#inside.push(nsenter);
    return new MachineProcess(nsenter);
  }

  /** Ends it, with everything that runs in it. */
  async end(): Promise<void> {
    await this.#unshare.end('SIGKILL');
    // Frozen and woken with its child, nsenter may have frozen itself anew, and would stay for ever.
    await Promise.all(this.#inside.map((nsenter) => nsenter.end('SIGKILL')));
  }

  #insidePrefix(): readonly string[] {
    return ['--target', String(this.#init), '--pid', '--mount', '--net', '--uts', '--'];
  }
}

/** A process of the machine, below the `nsenter` that has started it. */
export class MachineProcess {
  readonly #nsenter: SupervisedProcess;

  constructor(nsenter: SupervisedProcess) {
    this.#nsenter = nsenter;
  }

  waitUntil(isReady: () => Promise<boolean>, timeoutMilliseconds: number): Promise<void> {
    return this.#nsenter.waitUntil(isReady, timeoutMilliseconds);
  }

  /**
   * What has to be signalled to freeze it or to let it go on: also `nsenter`, which does what its child
   * does.
   */
  async processIds(): Promise<number[]> {
    return [await childWithin(this.#nsenter.pid), this.#nsenter.pid];
  }
}

const startTimeoutMilliseconds = 10_000;

/** The child in the machine; the other one is the watchdog of `SupervisedProcess`. */
async function childWithin(pid: number): Promise<number> {
  const children = await readFile(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
  const ownNamespace = await readlink('/proc/self/ns/pid');
  for (const child of children.trim().split(' ')) {
    if ((await readlink(`/proc/${child}/ns/pid`)) !== ownNamespace) return Number(child);
  }
  throw new ClusterProcessError(`process ${String(pid)} has no child in the machine: ${children}`);
}
