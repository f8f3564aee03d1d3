import { readFile } from 'node:fs/promises';

/** The kubelet mounts a file of its own into each container: its path there names Pod and container. */
const KUBELET_MOUNT = /\/pods\/([0-9a-f-]{36})\/containers\/([a-z0-9]([-a-z0-9]*[a-z0-9])?)\/\S+ /;

/**
 * The name of the container that this process runs in, as the Pod's spec has it. `LEASEHOLD_CONTAINER`
 * overrides what the mounts tell.
 *
 * @param mounts - the text of `/proc/self/mountinfo`
 * @param podUid - of the Pod that we are, as the mounts of a container in a container are not ours
 */
export function containerOf(
  env: NodeJS.ProcessEnv,
  mounts: string,
  podUid: string,
): string | undefined {
  if (env.LEASEHOLD_CONTAINER) return env.LEASEHOLD_CONTAINER;
  for (const line of mounts.split('\n')) {
    const [, uid, name] = KUBELET_MOUNT.exec(line) ?? [];
    if (uid === podUid) return name;
  }
  return undefined;
}

/** The mounts of this process; empty where there is no such file. */
export async function readMounts(): Promise<string> {
  try {
    return await readFile('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}
