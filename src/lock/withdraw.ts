import type { Attempt, LockTarget } from './context.ts';
import { release } from './release.ts';
import { leaveQueue } from './writes.ts';

/**
 * Takes the entry of a wait back. One patch: its answer tells whether the attempt was granted meanwhile,
 * which is then released like any other holding.
 *
 * @param joinedUid - under which uid the queue has, or may have, an entry of it
 */
export async function withdraw(
  target: LockTarget,
  attempt: Attempt,
  joinedUid: string | undefined,
): Promise<void> {
  const { session, id } = attempt;
  session.spend(id);
  if (joinedUid !== undefined) {
    const outcome = await leaveQueue(target, attempt, joinedUid);
    if (outcome.kind === 'done') target.view.wrote(outcome.body);
    else await target.view.read();
  }
  if (joinedUid !== undefined || attempt.doubtful) {
    await release(target, attempt);
  } else {
    session.confirmSettled(id);
  }
}
