import { expect } from 'vitest';
import type { Line } from './story.ts';
import type { World } from './world.ts';

/** So long that on a slow machine, too, what passes a lock on comes before it. */
export const LONG_TTL = { TTL: '120s' };

/** Two Pods: one holds the lock, one waits for it. */
export async function holderAndWaiter(
  world: World,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly holder: Line; readonly waiter: string }> {
  await world.runPod('first', 'hold', environment);
  const [holder] = await world.story.untilTold('holds');
  await world.runPod('second', 'hold', environment);
  await world.story.untilTold('waiting');
  return { holder, waiter: 'second' };
}

/** Whoever holds the lock after `holder`. */
export async function nextHolder(world: World, holder: Line): Promise<Line> {
  const [next] = await world.story.until(
    'a next holder',
    ({ event, fence }) => event === 'holds' && BigInt(fence ?? 0) > BigInt(holder.fence ?? 0),
  );
  return next;
}

/** No client has found a session dead by its silence: the ttl has decided nothing. */
export function expectNoTtl(world: World): void {
  expect(world.story.told('session-revoked')).toEqual([]);
}
