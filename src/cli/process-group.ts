import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;

/** Sends a signal to all processes of a group; does nothing when the group is gone. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Gone, or of another user: neither can be helped from here.
  }
}

/** Whether a process of the group still runs. */
export function isRunning(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    // EPERM: it has become another user's, which we cannot signal, but it runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return hasLiveMember(group);
}

/** Resolves with whether the group was gone before `isLate` said that it is time. */
export async function untilGone(group: number, isLate: () => boolean): Promise<boolean> {
  while (isRunning(group)) {
    if (isLate()) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** SIGTERM, then SIGKILL once `isLate` says so. Resolves when nothing of the group runs any more. */
export async function endGroup(group: number, isLate: () => boolean): Promise<void> {
  signalGroup(group, 'SIGTERM');
  // A stopped process does not see SIGTERM.
  signalGroup(group, 'SIGCONT');
  if (await untilGone(group, isLate)) return;
  signalGroup(group, 'SIGKILL');
  await untilGone(group, () => false);
}

/**
 * In a container whose first process does not reap orphans, dead members of the group stay as
 * zombies for ever: they do not count. Where there is no /proc, all do.
 */
function hasLiveMember(group: number): boolean {
  let processes: string[];
  try {
    processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return true;
  }
  if (processes.length === 0) return true;
  return processes.some((id) => {
    try {
      const stat = readFileSync(`/proc/${id}/stat`, 'latin1');
      // The second field, the name in parentheses, may contain anything.
      const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(itsGroup) === group && state !== 'Z' && state !== 'X';
    } catch {
      return false;
    }
  });
}
