import { readFileSync, readdirSync } from 'node:fs';

/**
 * The process id on this machine of a process in a container of a node that runs here: to kill it as the
 * processes of the peers are killed. A `kubectl exec` would start a program in that container, and that
 * ends just when the supervisor has work to do.
 *
 * @param containerId - as the kubelet reports it
 * @param pid - as the container knows it
 */
export function hostProcess(containerId: string, pid: number): number {
  const name = containerId.replace(/^.*:\/\//, '');
  for (const host of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    try {
      const status = readFileSync(`/proc/${String(host)}/status`, 'utf8');
      const pids = /^NSpid:\t(.*)$/m.exec(status)?.[1]?.split('\t') ?? [];
      if (pids.length < 2 || Number(pids.at(-1)) !== pid) continue;
      if (readFileSync(`/proc/${String(host)}/cgroup`, 'utf8').includes(name)) return host;
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`container ${containerId} has no process ${String(pid)} on this machine`);
}
