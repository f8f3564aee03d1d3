import { readdir, readFile, rmdir, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterUnavailableError } from '../errors.ts';

const cgroupRoot = '/sys/fs/cgroup';
const prefix = 'leasehold-node-';
/** What the kubelet counts and limits, as version 2 names it. */
const controllers = ['cpuset', 'cpu', 'memory', 'pids'];
/** What version 1 leaves empty, and wants to be filled in before a process may enter. */
const inherited = ['cpuset.cpus', 'cpuset.mems'];

/** The cgroup below which all of a node's containers are, in each hierarchy of this machine. */
export class Cgroups {
  /** As the kubelet wants it. */
  readonly path: string;
  /** Version 1. */
  readonly #isOld: boolean;
  readonly #parents: readonly string[];

  private constructor(name: string, isOld: boolean, parents: readonly string[]) {
    this.path = `/${name}`;
    this.#isOld = isOld;
    this.#parents = parents;
  }

  /** @throws ClusterUnavailableError when this process may not make cgroups */
  static async create(): Promise<Cgroups> {
    const name = `${prefix}${String(process.pid)}`;
    const isOld = !(await readdir(cgroupRoot)).includes('cgroup.controllers');
    const parents = isOld ? await hierarchies() : [cgroupRoot];
    const cgroups = new Cgroups(name, isOld, parents);
    await removeAbandoned(parents);
    try {
      for (const parent of parents) await cgroups.#createIn(parent);
    } catch (cause) {
      await cgroups.remove();
      throw new ClusterUnavailableError('a node needs cgroups that root may write to', { cause });
    }
    return cgroups;
  }

  /** Its processes have to have ended. */
  async remove(): Promise<void> {
    for (const parent of this.#parents) await removeTree(join(parent, this.path));
  }

  async #createIn(parent: string): Promise<void> {
    const directory = join(parent, this.path);
    if (!this.#isOld) {
      const add = controllers.map((controller) => `+${controller}`).join(' ');
      await writeFile(join(parent, 'cgroup.subtree_control'), add);
    }
    await mkdir(directory);
    if (!this.#isOld) return;
    for (const file of inherited) {
      const value = await readOrNothing(join(parent, file));
      if (value !== '') await writeFile(join(directory, file), value);
    }
  }
}

async function hierarchies(): Promise<string[]> {
  const entries = await readdir(cgroupRoot, { withFileTypes: true });
  // A link is another name of one that is there.
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(cgroupRoot, name));
}

/** What a run has left behind that was killed. */
async function removeAbandoned(parents: readonly string[]): Promise<void> {
  for (const parent of parents) {
    for (const name of await readdir(parent)) {
      const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (pid !== '' && !(await isRunning(pid))) await removeTree(join(parent, name));
    }
  }
}

async function isRunning(pid: string): Promise<boolean> {
  return (await readOrNothing(`/proc/${pid}/stat`)) !== '';
}

async function removeTree(directory: string): Promise<void> {
  let entries;
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  }
  await removeEmptied(directory);
}

/** The kernel empties a cgroup a moment after the last process has ended. */
async function removeEmptied(directory: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === mostAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
    }
  }
}

const mostAttempts = 100;
const retryMilliseconds = 20;

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
